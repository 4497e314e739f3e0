"""Turns the states of a capture into events that tell a person something new. One per camera, called by its capture's threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Emit = Callable[[str, str, dict[str, Any]], None]
"""`emit(kind, message, facts)`"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of a capture's state that events are made of."""

    state: str
    reason: str
    message: str
    size_px: tuple[int, int]


class Journal:
    """Remembers what was last told, so that ten tries to reconnect are one loss, not ten."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._told = ""
        self._size_px = (0, 0)

    def see(self, seen: Seen) -> None:
        """Tell of `seen` if it is news."""
        kind = self._kind(seen)
        if kind and kind != self._told:
            self._told = kind
            self._emit(kind, seen.message or _WORDS[kind], {"reason": seen.reason} if seen.reason else {})
        if 0 not in seen.size_px and seen.size_px != self._size_px:
            self._see_size(seen.size_px)

    def begin(self) -> None:
        """The operator started or stopped the camera: what comes next is news."""
        self._told = ""

    def _kind(self, seen: Seen) -> str:
        return {"live": "camera.live", "stalled": "camera.stalled", "backoff": "camera.lost", "ended": "camera.ended"}.get(
            seen.state, ""
        )

    def _see_size(self, size_px: tuple[int, int]) -> None:
        before, self._size_px = self._size_px, size_px
        if before != (0, 0):
            words = f"The picture is now {size_px[0]}x{size_px[1]} instead of {before[0]}x{before[1]}."
            self._emit("camera.resolution_changed", words, {"width": size_px[0], "height": size_px[1]})


_WORDS = {
    "camera.live": "The camera delivers pictures.",
    "camera.stalled": "The camera has stopped sending pictures.",
    "camera.lost": "The camera is lost; trying again.",
    "camera.ended": "The recording is over.",
}
