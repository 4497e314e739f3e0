"""Follows all things of one picture. Called with every look of a detector, in order, by one thread at a time.

The association in stages is that of ByteTrack (Zhang et al., "Multi-Object Tracking by Associating Every Detection Box", 2022):
certain boxes first, then the uncertain ones, which only continue what is followed already and never begin anything. Beyond it:
times instead of frame counts; a stage by distance for things too fast to overlap between two looks; classes that detectors mix
up (car, truck, bus) continue each other; and, where appearances are given, they decide between things that are close together,
and a thing that comes back keeps its number.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Box, Detection
from sightline.vision.tracking.appearance import Appearances, Look
from sightline.vision.tracking.association import IMPOSSIBLE, Floats, overlaps, pair
from sightline.vision.tracking.motion import Motion

LEAST_OVERLAP = 0.2
"""Intersection over union, times score, from which a certain box continues a track."""
LEAST_UNCERTAIN_OVERLAP = 0.35
LEAST_FIRST_OVERLAP = 0.3
"""For things not confirmed yet."""
LOST_PENALTY = 0.1
"""Added to the cost of what was not seen in the look before, so that what is in sight comes first."""
LONGEST_PERIOD_S = 3.0
"""After a longer gap between two looks nothing is continued only because it was in sight before."""
UNCERTAIN_WITHIN_S = 0.5
"""An uncertain box continues only what was seen this recently (or in the look before)."""
MOST_DEVIATION = 3.0
"""Standard deviations of the forecast within which a box without overlap may still be the same thing."""
LEAST_SPREAD = 1e-4
"""Variance of a forecast, in squared box sizes, below which it counts as exact."""
MOST_SURPRISE = 50.0
"""More than any possible one."""
MOST_DISTANCE = 2.0
"""The same in box sizes: a forecast that knows nothing must not reach across the picture."""
NEAR_LIKENESS, NEAR_SPREAD = 0.5, 2.5
"""What being at the forecast place counts without overlap, and the standard deviations over which it fades."""
MOST_GROWTH = 1.6
"""By how much width or height may differ between such two."""
SAME_THING_OVERLAP = 0.7
"""A box that covers one just followed by this much is the same thing found twice."""
TYPICAL_LIKENESS = 0.6
"""Cosine of two appearances that speaks neither for nor against the same thing."""
APPEARANCE_WEIGHT = 1.0
"""How much a difference of cosines counts against a difference of overlaps."""
REMEMBER_EVERY_S = 0.5
CLEAR_OVERLAP = 0.15
"""A box that overlaps another one more than this does not show the appearance of one thing alone."""
FAMILIES = (
    frozenset(("car", "truck", "bus", "train")),
    frozenset(("bicycle", "motorcycle")),
    frozenset(("cat", "dog", "sheep", "cow", "horse", "bear")),
)
"""Classes that detectors take for each other from look to look."""


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """When a thing begins and ends."""

    least_hits: int = 2
    """Looks in a row that must show a thing before it counts."""
    lost_after_s: float = 3.0
    """How long a thing may be out of sight and still be the same by place and motion."""
    recognised_within_s: float = 30.0
    """How long it is known again by its appearance, where appearances are given."""
    recognisable: frozenset[str] = frozenset(("person",))
    """Labels of which appearances mean something."""


@dataclass(frozen=True, slots=True)
class TrackView:
    """A thing that is followed and was seen in the newest look."""

    number: int
    """Unique per tracker; a thing keeps it, and no other thing gets it."""
    detection: Detection
    """What the detector saw, with `track_id`, the label that the thing had most often, and a box without the detector's jitter."""
    is_new: bool = False
    """Its number is given for the first time."""


@dataclass(slots=True, eq=False)
class _Track:
    motion: Motion
    labels: Counter[str]
    forecast: Motion
    """For the look at hand."""
    number: int = 0
    """0 = not confirmed."""
    hits: int = 1

    @property
    def label(self) -> str:
        return self.labels.most_common(1)[0][0]

    def see(self, detection: Detection) -> None:
        self.motion = self.forecast.seen(detection.box, detection.score)
        self.labels[detection.label] += 1
        self.hits += 1


@dataclass(slots=True)
class _Round:
    """One look while it is being associated."""

    pts_ns: int
    certain: list[Detection]
    uncertain: list[Detection]
    waiting: list[_Track]
    """Tracks that nothing continues yet."""
    look: Look | None
    seen: list[tuple[_Track, Detection]] = field(default_factory=list)


Cost = Callable[[Sequence[_Track], Sequence[Detection]], Floats]


class Tracker:
    """Gives each thing a number and keeps it."""

    def __init__(self, rules: TrackingRules) -> None:
        self.rules = rules
        self._tracks: list[_Track] = []
        self._appearances = Appearances()
        self._next_number = 1
        self._pts_ns: int | None = None
        self._look_before_ns = 0

    def forget(self) -> None:
        """End all tracks, because the scene is another one. Numbers go on."""
        self._tracks = []
        self._appearances = Appearances()

    def update(
        self, certain: Sequence[Detection], uncertain: Sequence[Detection], pts_ns: int, look: Look | None = None
    ) -> list[TrackView]:
        """Take in one look; return what is followed and was seen in it, by number.

        Args:
            certain: detections above the detector's confidence.
            uncertain: those below, down to about 0.1; may be empty.
            look: appearances of boxes of this very picture; None = numbers are kept by place and motion alone.
        """
        if self._pts_ns is not None and pts_ns <= self._pts_ns:
            self.forget()
        self._look_before_ns = self._pts_ns if self._pts_ns is not None else pts_ns
        self._pts_ns = pts_ns
        self._tracks = [t for t in self._tracks if self._may_go_on(t, pts_ns)]
        for track in self._tracks:
            track.forecast = track.motion.at(pts_ns)
        this = _Round(pts_ns, _usable(certain), _usable(uncertain), list(self._tracks), look)
        self._associate(this)
        for track, detection in this.seen:
            track.see(detection)
        begun: list[tuple[_Track, Detection]] = []
        for detection in this.certain:
            if not _is_double(detection, this.seen + begun):
                begun.append(_begin(detection, pts_ns))
        # What is not confirmed must be seen in every look.
        self._tracks = [t for t in self._tracks if t.number or t.motion.pts_ns == pts_ns] + [track for track, _ in begun]
        views = self._number(this.seen + begun, look)
        if look is not None:
            self._remember(views, look)
        return sorted(views, key=lambda view: view.number)

    def _associate(self, this: _Round) -> None:
        recent_ns = min(this.pts_ns - round(UNCERTAIN_WITHIN_S * 1e9), self._look_before_ns)
        self._pair(this, this.certain, self._by_overlap, 1 - LEAST_OVERLAP + LOST_PENALTY, lambda t: t.number > 0)
        self._pair(
            this, this.uncertain, _by_plain_overlap, 1 - LEAST_UNCERTAIN_OVERLAP,
            lambda t: t.number > 0 and t.motion.pts_ns >= recent_ns,
        )  # fmt: skip
        self._pair(this, this.certain, _by_plain_overlap, 1 - LEAST_FIRST_OVERLAP, lambda t: t.number == 0)
        self._pair(this, this.uncertain, _by_plain_overlap, 1 - LEAST_UNCERTAIN_OVERLAP, lambda t: t.number == 0)
        self._pair(this, this.certain, _by_distance, MOST_SURPRISE, lambda _: True)

    def _pair(self, this: _Round, detections: list[Detection], cost: Cost, most: float, is_meant: Callable[[_Track], bool]) -> None:
        """Let detections continue waiting tracks; both are taken from their lists."""
        tracks = [track for track in this.waiting if is_meant(track)]
        if not tracks or not detections:
            return
        costs = np.where(_may_be_same(tracks, detections), cost(tracks, detections), IMPOSSIBLE)
        if this.look is not None:
            costs = costs + self._by_appearance(tracks, detections, costs <= most, this.look)
        pairs = [(tracks[row], detections[column]) for row, column in pair(costs, most)]
        for track, detection in pairs:
            this.waiting.remove(track)
            detections[:] = [other for other in detections if other is not detection]
        this.seen += pairs

    def _by_overlap(self, tracks: Sequence[_Track], detections: Sequence[Detection]) -> Floats:
        scores = np.array([d.score for d in detections])
        lost = np.array([t.motion.pts_ns < self._look_before_ns for t in tracks])
        overlap = overlaps([t.forecast.box for t in tracks], [d.box for d in detections])
        likeness = overlap * scores[None]
        # A lost thing may come back beside its forecast; without a remembered appearance that would be a guess.
        for row in (row for row in np.flatnonzero(lost).tolist() if self._appearances.knows(tracks[row].number)):
            likeness[row] = np.maximum(likeness[row], [_nearness(tracks[row].forecast, d.box) for d in detections])
        # The penalty orders what is possible; it forbids nothing, or one missed look would end a track.
        return np.where(likeness < LEAST_OVERLAP, IMPOSSIBLE, 1 - likeness + LOST_PENALTY * lost[:, None])

    def _by_appearance(
        self, tracks: Sequence[_Track], detections: Sequence[Detection], is_near: NDArray[np.bool_], look: Look
    ) -> Floats:
        """What to add to the costs. Only where place and motion leave a choice is the picture looked at: that is dear."""
        is_near = is_near & np.array([d.label in self.rules.recognisable for d in detections])
        is_open = is_near & ((is_near.sum(axis=0)[None] > 1) | (is_near.sum(axis=1)[:, None] > 1))
        added = np.zeros(is_near.shape)
        columns: list[int] = np.flatnonzero(is_open.any(axis=0)).tolist()
        if not columns:
            return added
        vectors = look([detections[column].box for column in columns])
        for column, vector in zip(columns, vectors, strict=True):
            for row in np.flatnonzero(is_open[:, column]).tolist():
                likeness = self._appearances.likeness(tracks[row].number, vector)
                if likeness is not None:
                    added[row, column] = APPEARANCE_WEIGHT * (TYPICAL_LIKENESS - likeness)
        return added

    def _may_go_on(self, track: _Track, pts_ns: int) -> bool:
        unseen_s = (pts_ns - track.motion.pts_ns) / 1e9
        # Looks may come so rarely that one period is longer than the rule.
        was_in_sight = track.motion.pts_ns >= self._look_before_ns and unseen_s <= LONGEST_PERIOD_S
        return was_in_sight or unseen_s <= self.rules.lost_after_s

    def _number(self, seen: Sequence[tuple[_Track, Detection]], look: Look | None) -> list[TrackView]:
        views = []
        for track, detection in seen:
            is_confirmed_now = track.number == 0 and track.hits >= self.rules.least_hits
            is_new = False
            if is_confirmed_now:
                known = self._recognise(track, detection, look)
                is_new, track.number = known is None, known or self._take_number()
            if track.number:
                views.append(
                    TrackView(
                        track.number, replace(detection, label=track.label, box=track.motion.box, track_id=track.number), is_new
                    )
                )
        return views

    def _take_number(self) -> int:
        number, self._next_number = self._next_number, self._next_number + 1
        return number

    def _recognise(self, track: _Track, detection: Detection, look: Look | None) -> int | None:
        """The number under which the thing was followed before, if its appearance tells."""
        if look is None or track.label not in self.rules.recognisable:
            return None
        in_sight = {t.number for t in self._tracks if t.motion.pts_ns == track.motion.pts_ns}
        gone = [number for number in self._appearances.numbers() if number not in in_sight]
        if not gone:
            return None
        number = self._appearances.recognise(track.label, look([detection.box])[0], gone)
        if number is not None:
            self._tracks = [t for t in self._tracks if t.number != number]
        return number

    def _remember(self, views: Sequence[TrackView], look: Look) -> None:
        assert self._pts_ns is not None
        boxes = [view.detection.box for view in views]
        crowding = overlaps(boxes, boxes) - np.eye(len(boxes))
        due_ns = self._pts_ns - round(REMEMBER_EVERY_S * 1e9)
        clear = [
            view for view, crowd in zip(views, crowding, strict=True)
            if view.detection.label in self.rules.recognisable and crowd.max() <= CLEAR_OVERLAP
            and self._appearances.is_due(view.number, due_ns)
        ]  # fmt: skip
        if clear:
            for view, vector in zip(clear, look([view.detection.box for view in clear]), strict=True):
                self._appearances.remember(view.number, view.detection.label, vector, self._pts_ns)
        oldest_ns = self._pts_ns - round(self.rules.recognised_within_s * 1e9)
        self._appearances.forget_before(oldest_ns, {track.number for track in self._tracks})


def _usable(detections: Sequence[Detection]) -> list[Detection]:
    """Those with a finite box of some size, in an order that does not depend on the one they came in."""
    usable = [d for d in detections if _is_sound(d.box) and math.isfinite(d.score)]
    return sorted(usable, key=lambda d: (-d.score, d.label, d.box))


def _is_sound(box: Box) -> bool:
    return all(math.isfinite(edge) for edge in box) and box[2] > box[0] and box[3] > box[1]


def _begin(detection: Detection, pts_ns: int) -> tuple[_Track, Detection]:
    motion = Motion.begin(detection.box, detection.score, pts_ns)
    return _Track(motion, Counter([detection.label]), motion), detection


def _is_double(detection: Detection, seen: Sequence[tuple[_Track, Detection]]) -> bool:
    same = [other.box for _, other in seen if _are_kin(other.label, detection.label)]
    return bool(same) and bool(overlaps([detection.box], same).max() > SAME_THING_OVERLAP)


def _are_kin(a: str, b: str) -> bool:
    return a == b or any(a in family and b in family for family in FAMILIES)


def _may_be_same(tracks: Sequence[_Track], detections: Sequence[Detection]) -> np.ndarray:
    return np.array([[_are_kin(track.label, detection.label) for detection in detections] for track in tracks])


def _by_plain_overlap(tracks: Sequence[_Track], detections: Sequence[Detection]) -> Floats:
    return np.asarray(1 - overlaps([t.forecast.box for t in tracks], [d.box for d in detections]))


def _by_distance(tracks: Sequence[_Track], detections: Sequence[Detection]) -> Floats:
    """How surprising each box is for each forecast; impossible for boxes of another size or far away."""
    return np.array([[_surprise(track.forecast, detection.box) for detection in detections] for track in tracks])


def _surprise(forecast: Motion, box: Box) -> float:
    """Negative log-likelihood, from 0: a forecast that hardly knows where the thing is must not win by allowing everything."""
    deviation = _deviation(forecast, box)
    if deviation > MOST_DEVIATION:
        return IMPOSSIBLE
    spread = math.sqrt(forecast.x.variance * forecast.y.variance) / forecast.size_px**2
    return deviation**2 / 2 + max(0.0, math.log(spread / LEAST_SPREAD))


def _nearness(forecast: Motion, box: Box) -> float:
    """Likeness of a lost thing and a box that need not overlap, up to NEAR_LIKENESS."""
    return NEAR_LIKENESS * math.exp(-0.5 * (_deviation(forecast, box) / NEAR_SPREAD) ** 2)


def _deviation(forecast: Motion, box: Box) -> float:
    width, height = box[2] - box[0], box[3] - box[1]
    for seen, expected in ((width, forecast.width.value), (height, forecast.height.value)):
        if not expected / MOST_GROWTH <= seen <= expected * MOST_GROWTH:
            return IMPOSSIBLE
    dx, dy = (box[0] + box[2]) / 2 - forecast.x.position, (box[1] + box[3]) / 2 - forecast.y.position
    if math.hypot(dx, dy) > MOST_DISTANCE * forecast.size_px:
        return IMPOSSIBLE
    return math.sqrt(dx * dx / forecast.x.variance + dy * dy / forecast.y.variance)
