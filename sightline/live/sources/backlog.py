"""Keeps a live stream live when the machine cannot decode all of it. Used by the thread that reads the source."""

WAITED_NS = 2_000_000
"""A read that took this long waited for the camera: nothing lies in the buffers."""
BEHIND_AFTER_NS = 1_500_000_000
"""Buffers that have not been empty for so long hold old pictures."""


class Backlog:
    """Decides which packets are decoded. The only signal is whether reads have to wait: clocks of cameras cannot be trusted.

    Once behind, only keyframes are decoded until a read waits again; then everything from the next keyframe on.
    """

    def __init__(self, now_ns: int) -> None:
        self._waited_at_ns = now_ns
        self.is_skipping = False
        self.skipped = 0

    def wants(self, is_keyframe: bool, read_ns: int, now_ns: int) -> bool:
        """Whether to decode a packet that was read in `read_ns` and came at `now_ns`."""
        if read_ns >= WAITED_NS:
            self._waited_at_ns = now_ns
        is_behind = now_ns - self._waited_at_ns > BEHIND_AFTER_NS
        if is_behind:
            self.is_skipping = True
        elif is_keyframe:
            self.is_skipping = False
        if self.is_skipping and not is_keyframe:
            self.skipped += 1
            return False
        return True
