"""Who a face is, decided over several looks: faces followed from frame to frame, and a vote on their embeddings.

One look may be wrong (a turned head, a bad crop), so a name is said only after several looks agree, and taken back when later
looks disagree. A decided face is looked at now and then only, which keeps recognition cheap. Times are those of the frames.
One instance per camera, used by one thread at a time.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Box, iou
from sightline.media.gallery import Match, People

LOST_AFTER_NS = 1_000_000_000
LOOK_EVERY_NS = 200_000_000
"""While nothing is decided, or a look has disagreed."""
CHECK_EVERY_NS = 2_000_000_000
"""Once it is decided."""
SAME_IOU = 0.2
SAME_REACH = 0.6
"""Boxes whose centres are nearer than this, in widths of the face, may be the same face that moved."""
OTHER_FACE = 0.1
"""Cosine to the looks so far below which the track has jumped to another person: what was seen before does not count."""

MOST_STRANGERS = 100

Floats = NDArray[np.float32]
State = Literal["looking", "known", "unknown"]


@dataclass(frozen=True, slots=True)
class Rule:
    """When a look counts for somebody, and how many looks must agree."""

    threshold: float
    margin: float
    looks: int

    @property
    def window(self) -> int:
        """So many newest looks vote; a majority of them is `looks`."""
        return 2 * self.looks - 1


@dataclass(slots=True)
class FaceTrack:
    """One face while it is in the picture."""

    number: int
    box: Box
    seen_ns: int
    next_look_ns: int = 0
    vectors: deque[Floats] = field(default_factory=deque)
    matches: list[Match | None] = field(default_factory=list)
    """Of each vector, in order."""
    version: int = -1
    """Of the people that `matches` are of."""
    state: State = "looking"
    match: Match | None = None
    """While known: the best of the looks that agree."""
    is_told: bool = False
    """That nobody knows this face has been told."""

    @property
    def mean(self) -> Floats:
        """`(d,)` of the looks so far, length 1."""
        mean = np.mean(self.vectors, axis=0)
        return np.asarray(mean / max(1e-6, float(np.linalg.norm(mean))), np.float32)

    def add(self, vector: Floats, now_ns: int, people: People, rule: Rule) -> None:
        """Take the embedding of a new look."""
        if self.vectors and float(np.mean(self.vectors, axis=0) @ vector) < OTHER_FACE:
            self.vectors.clear()
        self.vectors.append(vector)
        while len(self.vectors) > rule.window:
            self.vectors.popleft()
        self.vote(people, rule)
        latest = self.matches[-1].identity_id if self.matches[-1] else None
        decided = self.match.identity_id if self.match else None
        is_settled = self.state != "looking" and latest == decided
        self.next_look_ns = now_ns + (CHECK_EVERY_NS if is_settled else LOOK_EVERY_NS)

    def vote(self, people: People, rule: Rule) -> None:
        """Decide anew from the looks there are."""
        self.version = people.version
        self.matches = [people.match(vector, rule.threshold, rule.margin) for vector in self.vectors]
        votes = Counter(match.identity_id if match else None for match in self.matches)
        self.state, self.match = "looking", None
        if not votes:
            return
        winner, count = votes.most_common(1)[0]
        if count < rule.looks:
            return
        self.state = "unknown" if winner is None else "known"
        agreeing = [match for match in self.matches if match and match.identity_id == winner]
        self.match = max(agreeing, key=lambda match: match.similarity, default=None)


class FaceTracks:
    """The faces in one camera's picture."""

    def __init__(self) -> None:
        self._tracks: list[FaceTrack] = []
        self._last_number = 0

    def update(self, boxes: Sequence[Box], now_ns: int) -> list[FaceTrack]:
        """The track of each box, in order; faces not seen for a second are forgotten."""
        self._tracks = [track for track in self._tracks if 0 <= now_ns - track.seen_ns <= LOST_AFTER_NS]
        found: dict[int, FaceTrack] = {}
        taken: set[int] = set()
        for _, place, track in sorted(self._pairs(boxes), key=lambda pair: -pair[0]):
            if place not in found and track.number not in taken:
                found[place] = track
                taken.add(track.number)
        for place, box in enumerate(boxes):
            track = found.get(place) or self._new(now_ns, box)
            track.box, track.seen_ns = box, now_ns
            found[place] = track
        return [found[place] for place in range(len(boxes))]

    def _pairs(self, boxes: Sequence[Box]) -> Iterable[tuple[float, int, FaceTrack]]:
        for place, box in enumerate(boxes):
            for track in self._tracks:
                likeness = iou(box, track.box) or _nearness(box, track.box)
                if likeness >= SAME_IOU:
                    yield likeness, place, track

    def _new(self, now_ns: int, box: Box) -> FaceTrack:
        self._last_number += 1
        track = FaceTrack(self._last_number, box, now_ns)
        self._tracks.append(track)
        return track


def _nearness(a: Box, b: Box) -> float:
    """SAME_IOU for faces of about one size side by side, else 0: a quick face leaves its old box between two looks."""
    width_a, width_b = a[2] - a[0], b[2] - b[0]
    if not 0.67 < width_a / max(width_b, 1e-6) < 1.5:
        return 0.0
    distance = float(np.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3])) / 2
    return SAME_IOU if distance < SAME_REACH * max(width_a, width_b) else 0.0


class Visits:
    """Who is here now, so that a person is told of once and not with every frame."""

    def __init__(self, away_ns: int) -> None:
        self.away_ns = away_ns
        self._seen_ns: dict[int, int] = {}

    def begins(self, identity_id: int, now_ns: int) -> bool:
        """Note that this person is seen; True when a visit begins: never seen, or not for `away_ns`."""
        before_ns = self._seen_ns.get(identity_id)
        self._seen_ns[identity_id] = now_ns
        return before_ns is None or now_ns - before_ns > self.away_ns

    def take_over(self, other: "Visits") -> None:
        """Go on where `other` was."""
        self._seen_ns = dict(other._seen_ns)


class Strangers:
    """The unknown faces of the last moments, so that each is told of once per visit, however often it is lost and found again.

    Their embeddings are held in memory only, and for `away_ns` after they were last seen.
    """

    def __init__(self, away_ns: int, likeness: float) -> None:
        """`likeness`: cosine from which two faces are the same person."""
        self.away_ns = away_ns
        self.likeness = likeness
        self._seen: list[tuple[Floats, int]] = []

    def begins(self, vector: Floats, now_ns: int) -> bool:
        """Note that this face is seen; True when nobody like it was seen for `away_ns`."""
        self._seen = [(known, at_ns) for known, at_ns in self._seen if 0 <= now_ns - at_ns <= self.away_ns]
        likeness = [float(known @ vector) if known.size == vector.size else -1.0 for known, _ in self._seen]
        is_new = max(likeness, default=-1.0) < self.likeness
        if is_new:
            self._seen = self._seen[-MOST_STRANGERS + 1 :]
        else:
            self._seen.pop(int(np.argmax(likeness)))
        self._seen.append((vector, now_ns))
        return is_new

    def take_over(self, other: "Strangers") -> None:
        """Go on where `other` was."""
        self._seen = list(other._seen)
