"""What a check looks at, and what it tells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from sightline.media.models import ModelStore
from sightline.records.database import Database
from sightline.settings import Settings
from sightline.web.engine_client import Engines

State = Literal["ok", "better", "wrong"]


@dataclass(frozen=True, slots=True)
class Installation:
    """What there is to look at."""

    settings: Settings
    database: Database
    engines: Engines
    models: ModelStore


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at, in sentences for the operator."""

    name: str
    label: str
    state: State
    detail: str
    """How it is."""
    changes: str = ""
    """What works otherwise, or not at all, because of that."""
    todo: str = ""
    """What to do about it."""
    command: str = ""
    """The same for a shell."""
    page: str = ""
    """Page of the dashboard where it is done, such as `models`."""


@dataclass(frozen=True, slots=True)
class Check:
    """Lines that are found out together."""

    name: str
    group: str
    look: Callable[[Installation], Iterable[Line]]
