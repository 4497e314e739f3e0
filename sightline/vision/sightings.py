"""Remembers what is in view, so that each thing is told once per visit and not at every look. Pure; on the camera's clock."""


class Sightings:
    """What has been seen lately, by a key."""

    def __init__(self, gone_s: float, most: int = 500) -> None:
        """
        Args:
            gone_s: unseen for so long, a thing is gone; seen again it is a new visit.
            most: bounds memory; the longest unseen are forgotten first.
        """
        self._gone_ns = round(gone_s * 1e9)
        self._most = most
        self._seen_ns: dict[str, int] = {}

    def see(self, key: str, pts_ns: int) -> bool:
        """Note that `key` is in view; True when its visit has just begun."""
        last_ns = self._seen_ns.pop(key, None)
        self._seen_ns[key] = pts_ns
        if len(self._seen_ns) > self._most:
            del self._seen_ns[next(iter(self._seen_ns))]
        return last_ns is None or not 0 <= pts_ns - last_ns <= self._gone_ns
