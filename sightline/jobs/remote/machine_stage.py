"""The first stage of a job that runs on a machine of others: waiting for that machine. Shown like any other stage."""

from collections.abc import Sequence
from dataclasses import replace

from sightline.jobs.contract import kind
from sightline.records.jobs import Job, StageProgress

MACHINE = "machine"


def waiting_stages(job: Job, label: str, now: float) -> tuple[StageProgress, ...]:
    """The stages of a job that has just been handed over."""
    waits = StageProgress(MACHINE, f"Wait for a machine of {label}", 0.0, "running", started_at=now)
    return waits, *(StageProgress(stage.name, stage.label, stage.weight) for stage in kind(job.kind).stages)


def running_stages(job: Job, label: str, now: float, told: Sequence[StageProgress]) -> tuple[StageProgress, ...]:
    """The stages of a job at work over there. Args: told: its own stages, where they are known."""
    return with_machine(job, label, now, told or [s for s in job.stages if s.name != MACHINE], f"Runs on {label}")


def with_machine(job: Job, label: str, now: float, told: Sequence[StageProgress], message: str) -> tuple[StageProgress, ...]:
    """The machine's stage, which is over, and the others behind it."""
    known = next((stage for stage in job.stages if stage.name == MACHINE), None) or waiting_stages(job, label, now)[0]
    return replace(known, state="done", progress=100.0, ended_at=known.ended_at or now, message=message), *told
