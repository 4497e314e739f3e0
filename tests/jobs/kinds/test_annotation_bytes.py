"""The same films give the same package, byte for byte: wherever its files lie, on one core or on all, in one go or after a kill."""

import os
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from sightline.jobs.workspace import Workspace
from sightline.media.ffmpeg import quiet
from sightline.records.jobs import JobInput, JobState, NewJob
from sightline.storage import make_storage
from tests.jobs.job_kinds import Office
from tests.live_fakes import wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

ASKED = {"width_px": 320, "height_px": 240, "clip_s": 1.0, "fps": 5.0, "model": "yolox_nano", "also": []}
"""Clips of one second: ten pictures."""
WAIT_S = 240.0


@dataclass
class Machine:
    """Where a job runs."""

    office: Office
    weights: Path
    cores: int
    process: "subprocess.Popen[bytes] | None" = None

    def order(self, films: list[Path]) -> str:
        inputs = []
        for film in films:
            target = self.office.settings.data_dir / "uploads" / film.name
            target.write_bytes(film.read_bytes())
            inputs.append(JobInput(film.name, f"uploads/{film.name}", sha256(film.read_bytes()).hexdigest(), 1))
        return self.office.jobs.add(NewJob("annotation", inputs, ASKED, None, 600.0))[0].id

    def begin(self, job_id: str) -> "subprocess.Popen[bytes]":
        job = self.office.claim(job_id)
        environ = {
            "DATA_DIR": str(self.office.settings.data_dir), "MODELS_MIRROR": str(self.weights),
            "INFERENCE_THREADS": str(self.cores), "OMP_NUM_THREADS": str(self.cores),
        }  # fmt: skip
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[: self.cores]))
        command = ["taskset", "-c", cores, sys.executable, "-m", "sightline.jobs.child", job_id, str(job.attempt), str(os.getpid())]
        self.process = subprocess.Popen(command, env=os.environ | environ, start_new_session=True)
        return self.process

    def package(self, job_id: str) -> str:
        job = self.office.jobs.get(job_id)
        assert (job.state, job.error) == (JobState.SUCCEEDED, None)
        return sha256(make_storage(self.office.settings).get(f"jobs/{job_id}/final_package.zip")).hexdigest()


@pytest.fixture(scope="module")
def films(tmp_path_factory, asset) -> list[Path]:
    source, folder = asset("video/surveillance_people_69f.mp4"), tmp_path_factory.mktemp("films")
    made = []
    for name, first, last in (("yard.mp4", 0, 12), ("alley.mp4", 30, 35)):
        cut = ["-vf", f"trim=start_frame={first}:end_frame={last},setpts=PTS-STARTPTS", "-an", "-crf", "18"]
        subprocess.run(quiet("-i", str(source), *cut, str(folder / name)), check=True, stdout=subprocess.DEVNULL)
        made.append(folder / name)
    return made


@pytest.fixture(scope="module")
def machine(tmp_path_factory, asset, require):
    require("taskset")
    machines: list[Machine] = []

    def make(name: str, cores: int) -> Machine:
        machines.append(Machine(Office(tmp_path_factory.mktemp(name)), asset("weights"), cores))
        return machines[-1]

    yield make
    for one in machines:
        if one.process is not None:
            one.process.kill()
            one.process.wait()
        one.office.database.close()


@pytest.fixture(scope="module")
def reference(machine, films) -> str:
    """The package that is made in one go on all cores."""
    here = machine("here", len(os.sched_getaffinity(0)))
    job_id = here.order(films)
    assert here.begin(job_id).wait(WAIT_S) == 0
    return here.package(job_id)


def test_one_core_and_another_folder_give_the_same_bytes(machine, films, reference):
    there = machine("a folder with another name", 1)
    job_id = there.order(films[::-1])
    assert there.begin(job_id).wait(WAIT_S) == 0
    assert there.package(job_id) == reference


def test_a_package_that_was_interrupted_between_clips_has_the_same_bytes(machine, films, reference):
    there = machine("interrupted", 1)
    job_id = there.order(films)
    part = Workspace(there.office.settings, job_id).folder / "stages" / "track.part"
    first = there.begin(job_id)
    wait_for(lambda: (part / "1_clip_000.json").is_file() or first.poll() is not None, "the first clip", WAIT_S)
    os.killpg(first.pid, 9)
    assert first.wait() == -9
    assert not (part.parent / "track").exists()
    there.office.lose_all()
    assert there.begin(job_id).wait(WAIT_S) == 0
    assert [s.state for s in there.office.jobs.get(job_id).stages][:2] == ["skipped", "done"]
    assert there.package(job_id) == reference
