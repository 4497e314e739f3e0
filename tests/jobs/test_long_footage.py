"""Footage of three hours: memory does not grow with it."""

import subprocess
import threading
import time

import pytest

from sightline.jobs.attempt import run_claimed, session_memory_bytes
from sightline.jobs.workspace import Workspace
from sightline.media.ffmpeg import quiet
from sightline.media.footage import footage_of
from sightline.records.jobs import JobState
from tests.jobs.job_kinds import Office, office  # noqa: F401 - fixture
from tests.jobs.test_attempt import process_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

LENGTHS_S = {"short.mp4": 600, "long.mp4": 3 * 3600}
PARAMS = {"transcode": {"rungs": ["480p"]}, "analyze": {"look_for": ["motion_detection"]}}
MOST_GROWTH_BYTES = 60_000_000


@pytest.fixture
def studio(office, monkeypatch) -> Office:  # noqa: F811
    monkeypatch.setenv("DATA_DIR", str(office.settings.data_dir))
    for name, length_s in LENGTHS_S.items():
        source = f"testsrc=size=96x64:rate=1/5:duration={length_s}"
        made = str(office.settings.data_dir / "uploads" / name)
        subprocess.run(quiet("-f", "lavfi", "-i", source, "-c:v", "mpeg4", made), check=True, stdout=subprocess.DEVNULL)
    return office


def most_memory_bytes(studio: Office, kind: str, name: str) -> int:
    """The most that the processes of a job took while it ran to its end."""
    job_id = studio.add(kind, name, timeout_s=500.0, **PARAMS[kind])
    thread = threading.Thread(target=run_claimed, args=(studio.claim(job_id), studio.settings, studio.jobs, threading.Event()))
    thread.start()
    most = 0
    while thread.is_alive():
        session = process_of(job_id)
        most = max(most, session_memory_bytes(session) if session else 0)
        time.sleep(0.05)
    job = studio.jobs.get(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert not list(Workspace(studio.settings, job_id).folder.glob("stages/*.part"))
    return most


@pytest.mark.parametrize("kind", PARAMS)
def test_three_hours_take_no_more_memory_than_ten_minutes(studio, kind):
    assert footage_of(studio.settings.data_dir / "uploads" / "long.mp4").duration_s == pytest.approx(3 * 3600, abs=10)
    short, long = (most_memory_bytes(studio, kind, name) for name in LENGTHS_S)
    assert long - short < MOST_GROWTH_BYTES
