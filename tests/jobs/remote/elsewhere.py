"""A machine of others in memory, and an office that hands its jobs to it. `elsewhere` is a fixture."""

import dataclasses
import threading
import time

import pytest

from sightline.errors import StorageError
from sightline.jobs.carriers.remote import Handover, OutcomeUnknown, RemoteState, RemoteStatus
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.looking import Looks
from sightline.jobs.remote.payload import Result
from sightline.jobs.remote.sending import Sender
from sightline.records.external_runs import ExternalRuns
from sightline.records.jobs import JobOutput, JobState, StageProgress
from sightline.settings import Settings
from sightline.storage import results_storage
from tests.jobs.job_kinds import Kinds, Office


class Landlord:
    """A carrier whose other side does what a test says. `taken` has every run that was really taken, by its name."""

    name, label = "runpod", "RunPod"

    def __init__(self) -> None:
        self.taken: dict[str, Handover] = {}
        self.status: dict[str, RemoteStatus] = {}
        self.cancelled: list[str] = []
        self.faults: list[Exception] = []
        """Raised by the next calls, one each."""
        self.is_answer_lost = False
        self.finds = False

    def submit(self, handover: Handover) -> str:
        self._fault()
        name = f"run-{len(self.taken) + 1}"
        self.taken[name] = handover
        self.status[name] = RemoteStatus(RemoteState.WAITING, "IN_QUEUE")
        if self.is_answer_lost:
            self.is_answer_lost = False
            raise OutcomeUnknown("The answer was lost.")
        return name

    def find(self, handover: Handover) -> str | None:
        self._fault()
        names = [n for n, h in self.taken.items() if (h.job_id, h.attempt) == (handover.job_id, handover.attempt)]
        return names[-1] if names and self.finds else None

    def look(self, external_id: str) -> RemoteStatus:
        self._fault()
        return self.status.get(external_id, RemoteStatus(RemoteState.GONE, "GONE"))

    def cancel(self, external_id: str) -> None:
        self._fault()
        self.cancelled.append(external_id)
        if external_id in self.status:
            self.status[external_id] = RemoteStatus(RemoteState.CANCELLED, "CANCELLED")

    def _fault(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


class Elsewhere:
    """An office whose jobs run on the machines of `landlord`, with a clock of its own."""

    def __init__(self, office: Office, **settings: str) -> None:
        self.office = office
        self.ahead_s = 0.0
        self.landlord = Landlord()
        self.use(**settings)
        self.storage = results_storage(office.settings)
        self.runs = ExternalRuns(office.database)
        self.jobs = office.jobs

    def use(self, **settings: str) -> None:
        """Other settings, and a worker that knows nothing of what the earlier one did."""
        given = {name.upper(): value for name, value in settings.items()}
        self.settings = Settings.from_env(given, data_dir=str(self.office.settings.data_dir))
        self.sender = Sender(self.settings, self.office.database, self.landlord)
        self.looks = Looks(self.settings, self.office.database, self.landlord, lambda: time.time() + self.ahead_s)

    def send(self) -> bool:
        return self.sender.send(threading.Event())

    def look(self, later_s: float = 100.0) -> int:
        """What all looks of that many seconds later come to; how many there were."""
        self.ahead_s += later_s
        count = 0
        while self.looks.look():
            count += 1
        return count

    def begin(self, **params: object) -> str:
        """A job that waits for a machine; its id."""
        job_id = self.office.add(**params)
        assert self.send()
        assert self.look(0) == 1
        return job_id

    def hurry(self) -> None:
        """The leases of dead workers run out, and no job has to wait for another try."""
        self.jobs.reap(time.time() + 10_000)
        with self.office.database.transaction() as session:
            session.connection().exec_driver_sql("UPDATE jobs SET not_before = 0")

    def run(self, job_id: str):
        return self.runs.get(job_id, self.jobs.get(job_id).attempt)

    def say(self, state: RemoteState, word: str = "", name: str = "", **more: object) -> None:
        """The newest run (or `name`) is in that state."""
        self.landlord.status[name or list(self.landlord.taken)[-1]] = RemoteStatus(state, word or state.upper(), **more)

    def finish(self, name: str = "", text: bytes = b"result", **changes: object) -> Result:
        """The machine of the newest run (or `name`) leaves a result and its output."""
        handover = self.landlord.taken[name or list(self.landlord.taken)[-1]]
        stored = self.storage.put(f"jobs/{handover.job_id}/result.txt", text, "text/plain")
        output = JobOutput("result.txt", stored.key, stored.size_bytes, stored.sha256, "text/plain")
        stages = tuple(StageProgress(name, name.upper(), 1.0, "done", 100.0) for name in "abc")
        result = Result(handover.job_id, handover.attempt, JobState.SUCCEEDED, (output,), ("It is fine.",), stages)
        result = dataclasses.replace(result, **changes)
        AttemptFiles(self.storage, handover.job_id, handover.attempt).leave(result)
        return result


def away(**facts: object) -> StorageError:
    return StorageError("RunPod does not answer.", code="runpod_unreachable", **facts)


@pytest.fixture
def elsewhere(office: Office, kinds: Kinds) -> Elsewhere:
    return Elsewhere(office)
