"""One encoded picture, shared by every subscriber of a rendition."""

from dataclasses import dataclass
from typing import Literal

View = Literal["processed", "raw"]


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a viewer asked for. Equal renditions share one encoder."""

    view: View = "processed"
    width_px: int | None = None
    """None = the picture's own width: the source's, unless a filter enlarges it. Never scaled up."""
    quality: int = 80
    """JPEG quality 1..100."""
    fps: float | None = None
    """None = every frame."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Encoded bytes of one frame; immutable, so that all viewers share the same object."""

    data: bytes
    seq: int
    pts_ns: int
    captured_ns: int
    wall_time_s: float
    is_keyframe: bool = True
