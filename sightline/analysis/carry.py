"""Carries what an analyzer found to the frames in between: association by overlap, constant velocity, one clock (pts).

One Carrier per camera and analyzer. Analysis threads call `update`, the chain thread and the API call `at`.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sightline.media.findings import Box, Detection, Findings, clamp_box, iou

CONFIRM_HITS = 2
"""Sightings in a row that make a track count as a real thing."""
LEAST_OVERLAP = 0.2
"""Intersection over union from which two boxes are taken for the same thing."""
MOST_DISTANCE = 1.0
"""Distance of centres, in box diagonals, up to which a fast thing without overlap is still taken for the same."""
KEEP_MISSED_S = 0.5
"""How long a confirmed thing stays after it was last seen."""
FORECAST_S = 0.5
"""How far ahead a box is moved on; a guess beyond that is worse than standing still."""
STALE_S = 1.5
"""Findings older than this say nothing about a frame any more (or 3 periods of a slow analyzer)."""
LONGEST_GAP_NS = 1_500_000_000
"""An analyzer may look as seldom as this, and its findings still hold until the next ones."""
VELOCITY_SMOOTHING = 0.5
MOST_GROWTH = 1.25
"""How much a forecast may change the size of a box, either way."""
LEAST_VISIBLE = 0.25
"""Share of a carried box that must lie within the picture; below it the thing has left."""


@dataclass(slots=True)
class _Track:
    number: int
    seen: Detection
    """As last seen, with the analyzer's own box."""
    pts_ns: int
    velocity: Box = (0.0, 0.0, 0.0, 0.0)
    """Pixels per second of each edge."""
    hits: int = 1

    @property
    def is_confirmed(self) -> bool:
        return self.hits >= CONFIRM_HITS

    def box_at(self, pts_ns: int) -> Box:
        ahead_s = min((pts_ns - self.pts_ns) / 1e9, FORECAST_S)
        x1, y1, x2, y2 = (edge + speed * ahead_s for edge, speed in zip(self.seen.box, self.velocity, strict=True))
        # Edges of a ragged box run apart or together; the centre is what can be trusted to move on.
        width = _near(x2 - x1, self.seen.box[2] - self.seen.box[0])
        height = _near(y2 - y1, self.seen.box[3] - self.seen.box[1])
        centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
        return (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)

    def see(self, detection: Detection, pts_ns: int) -> None:
        elapsed_s = (pts_ns - self.pts_ns) / 1e9
        if elapsed_s > 0:
            measured = tuple((new - old) / elapsed_s for new, old in zip(detection.box, self.seen.box, strict=True))
            share = VELOCITY_SMOOTHING if self.hits > 1 else 1.0
            x1, y1, x2, y2 = (share * m + (1 - share) * v for m, v in zip(measured, self.velocity, strict=True))
            self.velocity = (x1, y1, x2, y2)
        self.seen, self.pts_ns = detection, pts_ns
        self.hits += 1


class Carrier:
    """Follows the detections of one analyzer on one camera."""

    def __init__(self, rate_hz: float) -> None:
        self._lock = threading.Lock()
        self._least_stale_ns = int(max(STALE_S, 3 / rate_hz) * 1e9)
        self._keep_ns = int(max(KEEP_MISSED_S, 2 / rate_hz) * 1e9)
        self._newest: Findings | None = None
        self._tracks: list[_Track] = []
        self._gap_ns = 0
        """Between the newest two results."""
        self._next_number = 1
        self._distinct = 0

    @property
    def distinct(self) -> int:
        """How many different things were confirmed since the start or `reset_count`."""
        return self._distinct

    @property
    def _stale_ns(self) -> int:
        return max(self._least_stale_ns, 3 * self._gap_ns)

    def reset_count(self) -> None:
        with self._lock:
            self._distinct = 0

    def forget(self) -> None:
        """Drop all tracks, because the scene or the analyzer changed; the count stays."""
        with self._lock:
            self._newest, self._tracks = None, []

    def update(self, findings: Findings) -> Findings:
        """Take in what the analyzer says about a newer frame.

        Returns:
            The same findings with the numbers of confirmed tracks, without boxes that are no numbers.
        """
        with self._lock:
            if self._newest is not None:
                gap_ns = findings.pts_ns - self._newest.pts_ns
                if gap_ns <= 0:
                    self._tracks = []
                # What really comes counts, not what was asked for: a busy machine looks seldom.
                self._gap_ns = min(max(0, gap_ns), LONGEST_GAP_NS)
            usable = [d for d in findings.detections if all(math.isfinite(edge) for edge in d.box)]
            self._newest = replace(findings, detections=tuple(usable), happenings=())
            self._associate(usable, findings.pts_ns)
            self._tracks = [t for t in self._tracks if findings.pts_ns - t.pts_ns <= (self._keep_ns if t.is_confirmed else 0)]
            numbers = {id(track.seen): track.number for track in self._tracks if track.is_confirmed}
            numbered = (replace(d, track_id=numbers.get(id(d), d.track_id)) for d in usable)
            return replace(findings, detections=tuple(numbered))

    def newest(self) -> Findings | None:
        """The newest findings as of their own frame, with track numbers."""
        with self._lock:
            return self._at(self._newest.pts_ns) if self._newest is not None else None

    def at(self, pts_ns: int) -> Findings | None:
        """The findings carried to the frame at `pts_ns`; None when there are none recent enough."""
        with self._lock:
            newest = self._newest
            # A frame may be a little older than the newest findings: it waited for filters while analysis ran ahead.
            if newest is None or abs(pts_ns - newest.pts_ns) > self._stale_ns:
                return None
            return self._at(pts_ns)

    def _at(self, pts_ns: int) -> Findings:
        assert self._newest is not None
        shown = [t for t in self._tracks if pts_ns - t.pts_ns <= self._keep_ns + self._stale_ns]
        carried = (_carried(track, pts_ns, self._newest.size_px) for track in shown)
        return replace(self._newest, detections=tuple(d for d in carried if d is not None))

    def _associate(self, detections: Sequence[Detection], pts_ns: int) -> None:
        free = list(self._tracks)
        fresh: list[Detection] = []
        for detection in sorted(detections, key=lambda d: -d.score):
            track = _best_track(free, detection, pts_ns)
            if track is None:
                fresh.append(detection)
                continue
            free.remove(track)
            was_confirmed = track.is_confirmed
            track.see(detection, pts_ns)
            self._distinct += track.is_confirmed and not was_confirmed
        for detection in fresh:
            self._tracks.append(_Track(self._number_for(detection), detection, pts_ns))

    def _number_for(self, detection: Detection) -> int:
        if detection.track_id is not None:
            return detection.track_id
        number, self._next_number = self._next_number, self._next_number + 1
        return number


def _best_track(tracks: Sequence[_Track], detection: Detection, pts_ns: int) -> _Track | None:
    """The track that `detection` continues. The analyzer's own number wins over any overlap."""
    if detection.track_id is not None:
        return next((t for t in tracks if t.seen.track_id == detection.track_id), None)
    same = [t for t in tracks if t.seen.label == detection.label and t.seen.track_id is None]
    if not same:
        return None
    nearest = max(same, key=lambda t: _likeness(t.box_at(pts_ns), detection.box))
    return nearest if _likeness(nearest.box_at(pts_ns), detection.box) > 0 else None


def _likeness(a: Box, b: Box) -> float:
    """1…2 for overlapping boxes, 0…1 for near ones, 0 for boxes that cannot be the same thing."""
    overlap = iou(a, b)
    if overlap >= LEAST_OVERLAP:
        return 1 + overlap
    diagonal = max(math.hypot(a[2] - a[0], a[3] - a[1]), math.hypot(b[2] - b[0], b[3] - b[1]), 1e-6)
    distance = math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2
    return max(0.0, 1 - distance / diagonal / MOST_DISTANCE)


def _near(size: float, seen: float) -> float:
    return min(max(size, seen / MOST_GROWTH), seen * MOST_GROWTH)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _carried(track: _Track, pts_ns: int, size_px: tuple[int, int]) -> Detection | None:
    """The detection moved on to `pts_ns`; None when that takes it out of the picture."""
    box = track.box_at(pts_ns)
    visible = clamp_box(box, size_px)
    if pts_ns != track.pts_ns and _area(visible) < LEAST_VISIBLE * _area(box):
        return None
    return replace(
        track.seen,
        box=visible,
        track_id=track.number if track.is_confirmed else None,
        keypoints=_moved(track.seen.keypoints, track.seen.box, box),
    )


def _moved(points: tuple[tuple[float, float, float], ...], old: Box, new: Box) -> tuple[tuple[float, float, float], ...]:
    """Keypoints go where their box went, stretched with it."""
    if not points or old == new:
        return points
    scale_x = (new[2] - new[0]) / (old[2] - old[0]) if old[2] > old[0] else 1.0
    scale_y = (new[3] - new[1]) / (old[3] - old[1]) if old[3] > old[1] else 1.0
    return tuple((new[0] + (x - old[0]) * scale_x, new[1] + (y - old[1]) * scale_y, score) for x, y, score in points)
