"""A tiny kind of job from an outside package: it counts for a moment and hands in its number. Every run leaves a trace."""

from pathlib import Path

from benchmarks.product import ROOT

MODULE = '''
import fcntl
import time
from dataclasses import dataclass

from sightline.jobs.contract import JobKind, JobStage
from sightline.media.stage import param


@dataclass(frozen=True)
class TallyParams:
    number: int = param(0, "Number", minimum=0, maximum=100_000)
    seconds: float = param(0.2, "Seconds", minimum=0.0, maximum=600.0)


def count(work):
    """Count until the time is over; another run of the same number at the same moment is noted as an overlap."""
    traces = work.settings.data_dir / "traces"
    traces.mkdir(exist_ok=True)
    with (traces / str(work.params.number)).open("a") as trace:
        try:
            fcntl.flock(trace, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            trace.write("overlap\\\\n")
        trace.write("begin\\\\n")
        trace.flush()
        end_s = time.monotonic() + work.params.seconds
        while (left_s := end_s - time.monotonic()) > 0:
            work.progress(1 - left_s / work.params.seconds)
            time.sleep(min(0.05, left_s))
        (work.folder / "number.txt").write_text(str(work.params.number))
        trace.write("end\\\\n")


def hand_in(work):
    number = int((work.folder_of("count") / "number.txt").read_text())
    work.result("square.txt", "text/plain").write_text(f"{number * number}\\\\n")


STAGES = (JobStage("count", "Count", count), JobStage("hand_in", "Hand in", hand_in))
KIND = JobKind("tally", "Tally", "Counts.", TallyParams, STAGES, needs_analyzers=False)
'''.replace("\\\\n", "\\n")
POINTS = "[sightline.job_kinds]\ntally = sightline_tally:KIND\n"
METADATA = "Metadata-Version: 2.1\nName: sightline-tally\nVersion: 1.0\n"


def install_tally(folder: Path) -> dict[str, str]:
    """Put the package into `folder`; the environment with which processes find it."""
    info = folder / "sightline_tally-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "sightline_tally.py").write_text(MODULE)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(POINTS)
    return {"PYTHONPATH": f"{folder}:{ROOT}"}
