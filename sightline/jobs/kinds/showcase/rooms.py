"""Which room a shot shows: by CLIP, by Places365 when the operator exported it, else by the objects in it and by sky and greenery.

Without such a model, things that stand in one room only decide (a bed, a toilet, an oven), and things that stand in several count
less beside them. A house from outside is told by sky that reaches the top of the picture, colder and smoother than the rest: walls
in cold light are not. What stays below `LEAST_SCORE`, or too close to the next room, is unknown, and every answer says by what.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from analyzers.scene_tags import places365
from sightline.jobs.kinds.showcase.params import ROOMS, UNKNOWN
from sightline.media.findings import Detection
from sightline.media.frame import Image, shrink_to_width
from sightline.media.models import ModelStore

BY_CLIP, BY_PLACES, BY_SIGHT = "CLIP", "places", "objects and colours"
LEAST_SCORE, LEAST_MARGIN = 0.3, 0.08
LEAST_PLACES_SCORE = LEAST_CLIP_SCORE = 0.2

ANCHORS: Mapping[str, tuple[str, float]] = {
    "bed": ("bedroom", 1.0), "toilet": ("bathroom", 1.0), "oven": ("kitchen", 0.9), "microwave": ("kitchen", 0.9),
    "refrigerator": ("kitchen", 0.8), "toaster": ("kitchen", 0.8),
}  # fmt: skip
"""Things that hardly ever stand in another room, and how much they say."""
HINTS: Mapping[str, Mapping[str, float]] = {
    "sink": {"bathroom": 0.6, "kitchen": 0.3}, "hair drier": {"bathroom": 0.7}, "toothbrush": {"bathroom": 0.7},
    "couch": {"living": 0.8}, "tv": {"living": 0.5}, "remote": {"living": 0.3}, "dining table": {"dining": 0.6},
    "wine glass": {"dining": 0.2}, "laptop": {"office": 0.5}, "keyboard": {"office": 0.5}, "mouse": {"office": 0.3},
    "bench": {"garden": 0.3},
}  # fmt: skip
"""Things that stand in several rooms, and how much they say of each."""
CERTAIN_ANCHOR = 0.35
BESIDE_ANCHOR = 0.5
"""What hints of other rooms still count beside a certain anchor: sofas stand in bedrooms, tables in kitchens."""
OPEN_AIR = frozenset({"exterior", "garden"})

SKY_WIDTH_PX = 160
SKY_HUES, SKY_LEAST_SATURATION, SKY_LEAST_LIGHT = (88, 130), 22, 110
GREEN_HUES, GREEN_LEAST_SATURATION, GREEN_LEAST_LIGHT = (28, 85), 45, 25

PLACES: Mapping[str, tuple[str, ...]] = {
    "exterior": ("house", "mansion", "residential neighborhood", "driveway", "porch", "garage, outdoor", "beach house"),
    "entrance": ("entrance hall", "lobby"),
    "living": ("living room", "television room", "recreation room", "playroom", "home theater"),
    "kitchen": ("kitchen", "pantry"),
    "dining": ("dining room",),
    "bedroom": ("bedroom", "bedchamber", "childs room", "nursery", "hotel room", "dorm room"),
    "bathroom": ("bathroom", "shower", "jacuzzi, indoor"),
    "office": ("home office", "office"),
    "laundry": ("laundromat", "utility room"),
    "corridor": ("corridor",),
    "stairs": ("staircase",),
    "garage": ("garage, indoor",),
    "balcony": ("balcony, exterior", "balcony, interior"),
    "pool": ("swimming pool, outdoor", "swimming pool, indoor"),
    "garden": ("yard", "lawn", "patio", "courtyard", "formal garden", "vegetable garden", "zen garden", "gazebo, exterior"),
}
"""The names that Places365 has for parts of a house."""

Scores = dict[str, float]
"""0..1 by room."""


@dataclass(frozen=True, slots=True)
class RoomGuess:
    """What a shot shows, and by what."""

    room: str
    """One of ROOMS, or `unknown`."""
    score: float
    source: str
    rooms: Mapping[str, float]
    """Scores of all rooms that came into question."""


Classify = Callable[[Image], Mapping[str, float]]
"""0..1 by room of a BGR picture, and by what is none, with names that no room has."""


class RoomFinder:
    """Tells rooms by one of three means."""

    def __init__(self, *, by_clip: Classify | None = None, by_places: Classify | None = None) -> None:
        """With neither, objects and colours decide."""
        self._by_clip, self._by_places = by_clip, by_places

    @classmethod
    def of_places365(cls, models: ModelStore) -> "RoomFinder":
        """Raises: AnalyzerError: its files are not here, or damaged."""
        look = places365(models)
        return cls(by_places=lambda picture: _of_places(look(picture)))

    def find(self, pictures: Sequence[Image], found: Sequence[Sequence[Detection]]) -> RoomGuess:
        """The room of one shot.

        Args:
            pictures: BGR pictures of it.
            found: objects in each.

        Raises:
            AnalyzerError: the model failed.
        """
        if self._by_clip is not None:
            return decide([self._by_clip(picture) for picture in pictures], BY_CLIP, LEAST_CLIP_SCORE)
        if self._by_places is not None:
            return decide([self._by_places(picture) for picture in pictures], BY_PLACES, LEAST_PLACES_SCORE)
        looks = [by_sight(picture, seen) for picture, seen in zip(pictures, found, strict=True)]
        return decide(looks, BY_SIGHT, LEAST_SCORE)


def decide(looks: Sequence[Mapping[str, float]], source: str, least: float) -> RoomGuess:
    """One room from the scores of several pictures; unknown when what is no room comes first.

    The better half of the pictures counts: a camera that turns shows what tells the room only part of the time.
    """
    names = {room for look in looks for room in look}
    best_half = max(1, (len(looks) + 1) // 2)
    scores = {
        room: float(np.mean(sorted((look.get(room, 0.0) for look in looks), reverse=True)[:best_half])) for room in sorted(names)
    }
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    rooms = {room: round(score, 3) for room, score in ranked if score >= 0.01 and room in ROOMS}
    if not ranked or ranked[0][0] not in ROOMS or ranked[0][1] < least:
        return RoomGuess(UNKNOWN, 0.0, source, rooms)
    if len(ranked) > 1 and ranked[0][1] - ranked[1][1] < LEAST_MARGIN:
        return RoomGuess(UNKNOWN, 0.0, source, rooms)
    return RoomGuess(ranked[0][0], round(ranked[0][1], 3), source, rooms)


def by_sight(picture: Image, found: Iterable[Detection]) -> Scores:
    """What objects and colours of one picture say."""
    missed: dict[str, float] = {}
    anchors: dict[str, float] = {}
    hints: list[tuple[str, float]] = []
    for seen in found:
        if seen.label in ANCHORS:
            room, weight = ANCHORS[seen.label]
            anchors[room] = max(anchors.get(room, 0.0), weight * seen.score)
        hints += [(room, weight * seen.score) for room, weight in HINTS.get(seen.label, {}).items()]
    hints += [("exterior", 0.9 * sky_share(picture)), ("garden", 0.6 * lawn_share(picture))]
    is_certain = max(anchors.values(), default=0.0) >= CERTAIN_ANCHOR
    for room, said in [*anchors.items(), *hints]:
        beside = BESIDE_ANCHOR if is_certain and room not in anchors else 1.0
        missed[room] = missed.get(room, 1.0) * (1 - min(1.0, beside * said))
    scores = {room: 1 - chance for room, chance in missed.items()}
    # Through a wide window there is sky as well; furniture says on which side the camera is.
    inside = max((score for room, score in scores.items() if room not in OPEN_AIR), default=0.0)
    return {room: score * (1 - 0.5 * inside) if room in OPEN_AIR else score for room, score in scores.items()}


def sky_share(picture: Image) -> float:
    """How surely there is sky above, 0..1, of a BGR picture."""
    small = shrink_to_width(picture, SKY_WIDTH_PX)
    hue, saturation, light = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
    blue = (hue >= SKY_HUES[0]) & (hue <= SKY_HUES[1]) & (saturation >= SKY_LEAST_SATURATION) & (light >= SKY_LEAST_LIGHT)
    _, parts = cv2.connectedComponents(blue.astype(np.uint8))
    sky = blue & np.isin(parts, np.unique(parts[:2]))
    rest = ~sky
    share = float(sky[: max(1, len(sky) // 2)].mean())
    if share < 0.05 or not rest.any():
        return 0.0
    cold = small[..., 0].astype(np.float32) - small[..., 2]
    rough = cv2.blur(np.abs(cv2.Laplacian(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), cv2.CV_32F)), (5, 5))
    colder = float(cold[sky].mean() - cold[rest].mean())
    smoother = float(rough[sky].mean() / max(1e-3, float(rough[rest].mean())))
    signs = (share / 0.25, (colder - 30) / 60, (float(saturation[sky].mean()) - 30) / 25, 1.6 - 1.6 * smoother)
    return float(np.prod(np.clip(signs, 0, 1)))


def lawn_share(picture: Image) -> float:
    """How surely the ground is green, 0..1, of a BGR picture."""
    hsv = cv2.cvtColor(shrink_to_width(picture, SKY_WIDTH_PX), cv2.COLOR_BGR2HSV)
    ground = hsv[len(hsv) // 2 :]
    hue, saturation, light = cv2.split(ground)
    green = (hue >= GREEN_HUES[0]) & (hue <= GREEN_HUES[1]) & (saturation >= GREEN_LEAST_SATURATION) & (light >= GREEN_LEAST_LIGHT)
    # Leaves and grass are rough, green walls and screens are not.
    rough = float(np.abs(cv2.Laplacian(light, cv2.CV_32F)).mean())
    return float(np.clip((green.mean() - 0.35) / 0.4, 0, 1) * np.clip((rough - 4) / 8, 0, 1))


def _of_places(scores: Mapping[str, float]) -> Scores:
    return {room: float(sum(scores.get(name, 0.0) for name in names)) for room, names in PLACES.items()}
