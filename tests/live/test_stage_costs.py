"""Measuring stages: each in a process of its own, so that one that crashes or hangs costs only its own line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sightline.live import stage_costs
from sightline.live.stage_costs import StageCost, machine

ROOT = Path(__file__).resolve().parents[2]

FAKE_STAGES = """
import json, os, time
import numpy as np
from sightline.errors import AnalyzerError
from sightline.live import stage_costs
from sightline.media.findings import Findings
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, register
from pathlib import Path

def busy(ms):
    end = time.process_time() + ms / 1000
    while time.process_time() < end:
        pass

class Base:
    def analyze(self, frames):
        busy(30)
        return [Findings.of("base", frame, measures={"seq": frame.seq}) for frame in frames]

class Reader:
    def __init__(self, params, resources):
        self.memory = np.ones(40_000_000, np.uint8)
    def interpret(self, frame, findings):
        assert findings.analyzer == "base" and findings.seq == frame.seq
        busy(4)
        return Findings.of("reader", frame)

class Filter:
    def apply(self, image, moment):
        assert moment.findings["base"].size_px == (1280, 720) == image.shape[1::-1]
        busy(2)
        return 255 - image

class Crash:
    def analyze(self, frames):
        os.abort()

class Hang:
    def analyze(self, frames):
        time.sleep(60)

def refuse(params, resources):
    raise AnalyzerError("No weights here.")

def make(kind):
    return lambda params, resources: kind()

common = {"label": "x", "description": "x."}
register("base", make(Base), kind="analyzer", rate_hz=10.0, **common)
register("reader", Reader, kind="analyzer", reads="base", rate_hz=10.0, **common)
register("filter", make(Filter), kind="filter", uses=("base",), **common)
register("crash", make(Crash), kind="analyzer", **common)
register("hang", make(Hang), kind="analyzer", **common)
register("broken", lambda params, resources: 1 / 0, kind="analyzer", **common)
register("refuse", refuse, kind="analyzer", **common)
register("missing", make(Base), kind="analyzer", unavailable=lambda resources: "Not here.", **common)
register("needs_missing", make(Filter), kind="filter", uses=("missing",), **common)

stage_costs.PATIENCE_S = 4.0
resources = Resources(ModelStore(Path("none")))
names = stage_costs.measurable(resources)
told = {name: (cost.to_json() if isinstance(cost, stage_costs.StageCost) else cost)
        for name, cost in stage_costs.measure_all(names, resources)}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What is told of eight made-up stages."""
    done = subprocess.run([sys.executable, "-c", FAKE_STAGES], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_only_what_can_run_with_all_it_needs_is_measured(told: dict[str, Any]) -> None:
    assert list(told) == ["base", "reader", "filter", "crash", "hang", "broken", "refuse"]


def test_a_cost_is_the_stages_own_processor_time(told: dict[str, Any]) -> None:
    assert told["base"]["p50_ms"] == pytest.approx(30, abs=6)
    assert told["base"]["core_share"] == pytest.approx(0.3, abs=0.06)
    assert told["reader"]["p50_ms"] == pytest.approx(4, abs=2)
    assert told["filter"]["p50_ms"] == pytest.approx(4, abs=3)
    assert told["filter"]["rate_hz"] == 30


def test_memory_is_the_stages_own(told: dict[str, Any]) -> None:
    assert 37 < told["reader"]["memory_mb"] < 60
    assert told["base"]["memory_mb"] < 15


def test_one_that_crashes_hangs_or_refuses_costs_its_own_line_only(told: dict[str, Any]) -> None:
    assert told["crash"] == "It ended the process that measured it."
    assert told["hang"] == "No answer within 4 s."
    assert told["broken"] == "ZeroDivisionError: division by zero"
    assert told["refuse"] == "No weights here."


def test_the_command_measures_a_real_stage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sightline.live.stage_costs", "grayscale", "privacy_blur"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"DATA_DIR": str(tmp_path), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["stage"] for line in lines] == ["grayscale", "privacy_blur"]
    cost = StageCost.from_json(lines[0]["cost"])
    assert 0 < cost.p50_ms < 200
    assert cost.source == "measured"
    assert StageCost.from_json(cost.to_json()) == cost


def test_an_unknown_stage_is_named() -> None:
    command = [sys.executable, "-m", "sightline.live.stage_costs", "x_ray"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "x_ray" in done.stderr


def test_a_share_is_never_more_than_a_core() -> None:
    assert StageCost.of(400.0, 10.0, None, "running").core_share == 1.0
    assert StageCost.of(14.0, 10.0, 12.34, "measured").core_share == pytest.approx(0.14)


def test_another_version_or_processor_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine()
    assert machine() == here
    monkeypatch.setattr(stage_costs, "__version__", "99.9")
    assert machine() != here
