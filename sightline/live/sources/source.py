"""The contract of a source of pictures."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from sightline.media.address import SourceKind
from sightline.media.frame import Picture
from sightline.media.sound import SoundRing

PIXELS_LIMIT = 8192 * 4352
"""A picture may announce any size; more than 8K would only fill the memory."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known about an open source; unknown values are None."""

    kind: SourceKind
    codec: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    fps: float | None = None
    """As the source declares it."""
    has_audio: bool | None = None
    has_b_frames: bool | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """One picture as it left the decoder."""

    picture: Picture
    pts_ns: int
    """On the source's own clock; never goes back while the source is open."""
    captured_ns: int
    """`time.monotonic_ns()`"""
    wall_time_s: float
    is_keyframe: bool = False
    sound: SoundRing | None = None
    """The source's sound up to about this picture, on the same clock; None when it has none."""

    @classmethod
    def now(
        cls, picture: Picture, pts_ns: int, *, is_keyframe: bool = False, sound: SoundRing | None = None
    ) -> "Captured":  # fmt: skip
        """The picture, stamped with this moment."""
        return cls(picture, pts_ns, time.monotonic_ns(), time.time(), is_keyframe, sound)


class Source(Protocol):
    """An open source. Iterating yields pictures until the end; a fault raises SourceError.

    Iteration ends soon after the `stop` event given to `open_source` is set. Close it on the thread that reads it.
    """

    @property
    def info(self) -> SourceInfo: ...

    def __iter__(self) -> Iterator[Captured]: ...

    def close(self) -> None:
        """Free everything. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class ClosingSource:
    """What every source shares: `with` closes it."""

    def close(self) -> None:
        """Free everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
