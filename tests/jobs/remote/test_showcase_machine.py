"""A showcase in the shipped state machine: functions look at the clips, a container does the rest, and all is as on one machine."""

import dataclasses
import importlib
import json
from pathlib import Path

import cv2
import pytest

import analyzers
from sightline.jobs.execute import Execution
from sightline.jobs.remote.parts import carry_out_part, fetch_parts
from sightline.jobs.remote.payload import read_payload
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import JobState
from sightline.settings import Settings
from tests.clips import show_clip
from tests.jobs.remote.aws_world import SHOWCASE_MACHINE, aws_world

analyzers.load(entry_points=False)
PARAMS = {"model": "none", "target_s": 4.0, "shot_s": 1.0, "shapes": ["16:9"], "short_side_px": 144, "titles": False}


class Silent:
    """A ledger that remembers notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def report(self, _stages: object, _progress: float) -> bool:
        return False

    def notice(self, words: str) -> None:
        self.notices.append(words)


@pytest.fixture
def aws(tmp_path, monkeypatch):
    with aws_world(tmp_path, STATE_MACHINE_ARN=SHOWCASE_MACHINE) as world:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sightline.jobs.remote.worker.Workspace.remove", lambda self: None)
        yield world


@pytest.fixture
def houses(tmp_path, asset) -> tuple[Path, ...]:
    """Two clips of a second."""
    folder = tmp_path / "clips"
    folder.mkdir()
    pictures = sorted(asset("images/houses").glob("*.jpg"))[:2]
    return tuple(show_clip(folder / f"{n}.mp4", cv2.resize(cv2.imread(str(one)), (320, 180)), 25) for n, one in enumerate(pictures))


def made_here(aws, payload) -> Path:
    """The same job on one machine; its folder of stages."""
    settings = Settings.from_env({**aws.environ, "DATA_DIR": str(aws.folder / "alone")})
    task = dataclasses.replace(read_payload(payload), job_id="local")
    Execution(task, settings, Silent()).carry_out()
    return Workspace(settings, "local").stage("look").parent


def test_the_film_is_made_of_what_the_functions_saw(aws, tmp_path, houses):
    handover = aws.handover("showcase", houses, **PARAMS)
    name = aws.carrier.submit(handover)
    execution = aws.server.machines.executions[name]
    execution.thread.join(100)
    assert (execution.status, execution.error, execution.cause) == ("SUCCEEDED", "", "")
    visited = execution.interpreter.visited
    assert visited == ["Probe", "Analyze", "One", "One", "Render", "Done"]
    assert [told for name, told in aws.runtime.calls if name == "analyze_clip"] == [
        {"job_id": "a1b2", "attempt": 1, "number": number} for number in (0, 1)
    ]
    result = aws.files().result()
    assert (result.state, result.error) == (JobState.SUCCEEDED, None)
    assert any(output.name.endswith(".mp4") for output in result.outputs)
    there = Workspace(Settings.from_env(), "a1b2").stage("look").parent
    here = made_here(aws, handover.payload)
    for file in ("select/selection.json", "look/shots.json"):
        assert (there / file).read_bytes() == (here / file).read_bytes()


def test_the_container_looks_at_what_the_functions_could_not(aws, tmp_path, houses, monkeypatch):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    aws.runtime.sync_faults = ["", "crash", "crash"]  # both calls for the first clip
    name = aws.carrier.submit(aws.handover("showcase", (*houses, bad), **PARAMS))
    execution = aws.server.machines.executions[name]
    execution.thread.join(100)
    assert execution.status == "SUCCEEDED"
    assert execution.interpreter.visited.count("Skip") == 1
    result = aws.files().result()
    assert result.state == JobState.SUCCEEDED
    assert any(words.startswith("bad.mp4 was left out") for words in result.notices)
    shots = json.loads((Workspace(Settings.from_env(), "a1b2").stage("look") / "shots.json").read_text())["shots"]
    assert {shot["input"] for shot in shots} == {0, 1}


def test_a_clip_is_not_decoded_again_where_its_part_lies(aws, houses, monkeypatch):
    handover = aws.handover("showcase", houses, **PARAMS)
    task = read_payload(handover.payload)
    there = Settings.from_env({**aws.environ, "DATA_DIR": str(aws.folder / "function")})
    carry_out_part(task, 1, there, Silent())
    decoded = []
    look = importlib.import_module("sightline.jobs.kinds.showcase.look")
    takes = look.takes
    monkeypatch.setattr(look, "takes", lambda path, *rest: decoded.append(path) or takes(path, *rest))
    settings = Settings.from_env()
    assert (fetch_parts(task, settings), fetch_parts(task, settings)) == (1, 1)
    Execution(task, settings, Silent()).carry_out_first()
    assert len(decoded) == 1


def test_a_part_of_other_parameters_is_not_taken(aws, houses, monkeypatch):
    task = read_payload(aws.handover("showcase", houses, **PARAMS).payload)
    there = Settings.from_env({**aws.environ, "DATA_DIR": str(aws.folder / "function")})
    other = dataclasses.replace(task, params={**PARAMS, "strict": True})
    carry_out_part(other, 0, there, Silent())
    settings = Settings.from_env()
    fetch_parts(task, settings)
    Execution(task, settings, Silent()).carry_out_first()
    assert [path.name for path in Workspace(settings, "a1b2").parts.glob("*/clip-*")] != []
