"""The contract of carriers that hand a whole job to machines of others, and wait for word.

While the other side has the job its row is `waiting_external` and no slot of ours is held. What the landlord says only tells when
to look for the result's document (`jobs/remote/payload.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sightline.errors import StorageError


class OutcomeUnknown(StorageError):
    """Nobody knows whether the job was taken: the answer did not come. It must not be handed over again blindly."""

    default_code = "handover_unknown"


class RemoteState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    """It came to its end; how, says the result's document."""
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    GONE = "gone"
    """The other side does not know it (any more)."""


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """What the other side says of a job."""

    state: RemoteState
    word: str
    """Its own word for that, such as IN_QUEUE."""
    sequence: int = 0
    """Of `stages`: the highest is the newest."""
    stages: tuple[Mapping[str, Any], ...] = ()
    """Progress as `StageProgress` fields, where the other side passes it on."""
    progress: float = 0.0
    """0..100"""
    error: str = ""
    used_s: float | None = None
    """Machine time that it has cost so far, where the other side tells."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What is handed over."""

    job_id: str
    attempt: int
    payload: Mapping[str, Any]
    """`payload_of` the task."""
    timeout_s: float
    """How long it may run."""
    queue_s: float
    """How long it may wait for a machine."""
    webhook_url: str = ""
    """Where the other side may call when it is done; with a secret token. Empty: it is asked only."""


class RemoteCarrier(Protocol):
    """Thread-safe. Every method may raise StorageError (transient: away, throttled) and Invalid (wrong setting, refused key)."""

    name: str
    """As in JOB_CARRIER."""
    label: str
    """As people call it."""

    def submit(self, handover: Handover) -> str:
        """Hand it over; the other side's name for it. Raises: OutcomeUnknown."""
        ...

    def find(self, handover: Handover) -> str | None:
        """The name of what was handed over with an unknown outcome; None when the other side cannot say, or has nothing."""
        ...

    def look(self, external_id: str) -> RemoteStatus:
        """How it is."""
        ...

    def cancel(self, external_id: str) -> None:
        """Want it ended. Not knowing it is no error."""
        ...

    def health(self) -> str:
        """What takes the jobs and how it is, in words. Raises: NotFound: it is not there."""
        ...
