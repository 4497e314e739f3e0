"""Kinds of jobs that do what a test wants; `kinds` is a fixture, to be imported by the test files that use it."""

import sys
import time
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sightline.jobs import contract
from sightline.jobs.contract import JobKind, JobStage, Work
from sightline.media.stage import param
from sightline.records.database import Database
from sightline.records.jobs import JobInput, Jobs, NewJob
from sightline.settings import Settings


@dataclass(frozen=True)
class DoubleParams:
    early: int = param(1, "Early", minimum=0, maximum=9)
    late: int = param(1, "Late", minimum=0, maximum=9)


class Kinds:
    """Registers one kind, `double`, with stages a, b and c. `done` counts what ran, `before[stage]` runs inside a stage."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.before: dict[str, object] = {}
        self.gives_result = True
        stages = (
            JobStage("a", "A", lambda work: self._run(work, "a"), uses=("early",)),
            JobStage("b", "B", lambda work: self._run(work, "b"), weight=2, uses=()),
            JobStage("c", "C", lambda work: self._run(work, "c"), uses=("late",)),
        )
        module = types.ModuleType("sightline.jobs.kinds.double")
        module.KIND = JobKind("double", "Double", "A double.", DoubleParams, stages)
        monkeypatch.setitem(sys.modules, "sightline.jobs.kinds.double", module)
        monkeypatch.setattr(contract, "BUILTIN", ("double",))

    def _run(self, work: Work, name: str) -> None:
        self.done.append(name)
        (work.folder / "note.txt").write_text(name)
        act = self.before.get(name)
        if act is not None:
            act(work)
        work.progress(0.5, "half")
        if name == "c" and self.gives_result:
            notes = "".join((work.folder_of(stage) / "note.txt").read_text() for stage in "ab")
            work.result("result.txt", "text/plain").write_text(notes + "c")


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Kinds:
    return Kinds(monkeypatch)


class Office:
    """A database and a folder with one input, and jobs over them."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.settings = Settings.from_env(environ or {}, data_dir=str(folder / "var"))
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.jobs = Jobs(self.database)
        self.now_s = time.time()
        uploads = self.settings.data_dir / "uploads"
        uploads.mkdir(parents=True)
        (uploads / "in.txt").write_text("footage")

    def add(self, kind: str = "double", file: str = "in.txt", timeout_s: float = 60.0, **params: object) -> str:
        one = JobInput(file, f"uploads/{file}", "0" * 64, 7)
        return self.jobs.add(NewJob(kind, [one], params, None, timeout_s))[0].id

    def lose_all(self) -> None:
        """The leases of all workers run out, and the pause after that is over."""
        self.now_s += 1000
        self.jobs.reap(self.now_s)
        self.now_s += 1000

    def claim(self, job_id: str = ""):
        job = self.jobs.claim("test", 30.0, self.now_s, job_id)
        assert job is not None
        return job


@pytest.fixture
def office(tmp_path: Path):
    made = Office(tmp_path)
    yield made
    made.database.close()
