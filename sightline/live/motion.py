"""Turns single motion results into episodes: begun, ended. Called by the analysis threads, one camera at a time."""

from typing import Literal

START_RESULTS = 2
"""Positive results in a row that begin an episode; one alone may be noise."""
END_AFTER_S = 2.0
"""Stillness, in seconds of the camera's clock, that ends an episode."""


class MotionEpisodes:
    """Hysteresis over "is there motion in this frame"."""

    def __init__(self) -> None:
        self._positives = 0
        self._is_moving = False
        self._last_motion_ns = 0
        self.started = 0
        """Episodes since the start or the last reset."""

    @property
    def is_moving(self) -> bool:
        return self._is_moving

    def see(self, has_motion: bool, pts_ns: int) -> Literal["started", "ended"] | None:
        """Take one result and say what it changed."""
        if has_motion:
            return self._see_motion(pts_ns)
        self._positives = 0
        if self._is_moving and pts_ns - self._last_motion_ns >= END_AFTER_S * 1e9:
            self._is_moving = False
            return "ended"
        return None

    def _see_motion(self, pts_ns: int) -> Literal["started"] | None:
        self._positives += 1
        self._last_motion_ns = pts_ns
        if self._is_moving or self._positives < START_RESULTS:
            return None
        self._is_moving = True
        self.started += 1
        return "started"

    def forget(self) -> None:
        """Begin anew without an end: detection was switched off or the scene changed. The count stays."""
        self._positives, self._is_moving = 0, False
