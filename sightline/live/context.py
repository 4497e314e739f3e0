"""What a camera is given: its configuration and what it shares with the other cameras of the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sightline.analysis.scheduler import Analysis
from sightline.live.capture import CaptureState
from sightline.media.chain import ChainSpec
from sightline.media.frame import Frame
from sightline.media.stage import Resources
from sightline.records.events import Event


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """What the operator wants of one camera."""

    id: str
    name: str
    source: str = field(repr=False)
    """With its credentials."""
    source_options: Mapping[str, Any]
    is_running: bool
    chain: ChainSpec


class Reader(Protocol):
    """What a camera needs of `Capture`: reads one source in threads of its own."""

    @property
    def state(self) -> CaptureState: ...

    def start(self) -> None: ...

    def stop(self, timeout_s: float = ...) -> None: ...


MakeReader = Callable[[CameraConfig, Callable[[Frame], None], Callable[[CaptureState], None]], Reader]


@dataclass(frozen=True, slots=True)
class LiveContext:
    """What all cameras of an engine share."""

    analysis: Analysis
    resources: Resources
    make_reader: MakeReader
    on_event: Callable[[Event], None]
    on_status: Callable[[str], None]
    """Called with the camera id after every change of its state."""
    on_findings: Callable[[str], None]
