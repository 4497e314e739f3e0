"""Multi-object tracking: every thing that the object detector finds keeps its number, with a trail of where it came from.

Reads object_detection. Zones, lines, the heat map and speed read this one. On 69 frames of a surveillance clip with ground truth
(PETS09), found by yolov8n, its IDF1 is .88 with appearances and .75 without (`python -m benchmarks.accuracy`). A look costs 0.3 ms
with ten people, and 2 ms for each appearance; those are looked at only where people are new or come close to each other.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analyzers.object_detection import CLASSES
from sightline.media.findings import Box, Detection, Findings, Mark, clamp_box
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register
from sightline.vision.inference import IMAGENET_RGB, Embedder
from sightline.vision.tracking import Look, Tracker, TrackingRules, TrackView

NAME = "multi_object_tracking"
APPEARANCE_FILE = "osnet_x0_25_msmt17.onnx"
MOST_TRAIL_POINTS = 40


@dataclass(frozen=True)
class TrackingParams:
    classes: str = param("all", "Follow", choices=tuple(CLASSES))
    begin_score: float = param(
        0.4, "Begin at", minimum=0.1, maximum=0.95, step=0.05,
        help="Only what is found with this confidence is followed; after that less is enough.",
    )  # fmt: skip
    least_hits: int = param(2, "Confirm after", minimum=1, maximum=10, unit="looks", help="Looks in a row that must show a thing.")
    lost_after_s: float = param(
        3.0, "Lost after", minimum=0.5, maximum=30.0, step=0.5, unit="s", help="How long a thing may be hidden and keep its number."
    )
    appearance: bool = param(
        True,
        "Recognise people by their looks",
        help="They keep their numbers in a crowd. Needs the weight file osnet; no names, no faces.",
    )
    trail_s: float = param(3.0, "Trail", minimum=0.0, maximum=30.0, step=0.5, unit="s", help="0 draws none.")


class MultiObjectTracking:
    """The tracker of one camera with its counts and trails.

    Measures: `{"now": 3, "now_by_class": {"person": 3}, "total": 12, "total_by_class": {"person": 10, "car": 2},
    "appearance": "osnet_x0_25_msmt17.onnx"}`; total = different things since the start or the last reset, `appearance` says what
    tells people apart, or why nothing does.
    """

    def __init__(self, params: TrackingParams, embedder: Embedder | None) -> None:
        self._params = params
        self._wanted = CLASSES[params.classes]
        self._embedder = embedder
        self._tracker = Tracker(TrackingRules(params.least_hits, params.lost_after_s))
        self._totals: Counter[str] = Counter()
        self._trails: dict[int, deque[tuple[int, tuple[float, float]]]] = {}
        self._size_px: tuple[int, int] | None = None

    @property
    def backend(self) -> str:
        return "numpy" if self._embedder is None else f"numpy, {self._embedder.provider}"

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        if frame.size_px != self._size_px:
            self._size_px = frame.size_px
            self._tracker.forget()
            self._trails.clear()
        wanted = self._wanted_of((*findings.detections, *findings.candidates))
        certain = [d for d in wanted if d.score >= self._params.begin_score]
        uncertain = [d for d in wanted if d.score < self._params.begin_score]
        views = self._tracker.update(certain, uncertain, frame.pts_ns, self._look_at(frame))
        self._totals.update(view.detection.label for view in views if view.is_new)
        shown = [detection for view in views if (detection := _in_picture(view, frame.size_px)) is not None]
        self._extend_trails(shown, frame.pts_ns)
        marks = tuple(self._trail(detection) for detection in shown if len(self._trails.get(detection.track_id or 0, ())) > 1)
        return Findings.of(NAME, frame, detections=tuple(shown), measures=self._measures(shown), marks=marks)

    def reset_counts(self) -> None:
        self._totals.clear()

    def adopt(self, previous: Any) -> None:
        """Numbers, counts and trails go on when a parameter changes."""
        if isinstance(previous, MultiObjectTracking):
            rules = self._tracker.rules
            self._tracker, self._totals, self._trails = previous._tracker, previous._totals, previous._trails
            self._tracker.rules = rules
            self._size_px = previous._size_px

    def _wanted_of(self, detections: Sequence[Detection]) -> list[Detection]:
        return [d for d in detections if self._wanted is None or d.label in self._wanted]

    def _look_at(self, frame: Frame) -> Look | None:
        embedder = self._embedder
        if embedder is None:
            return None
        return lambda boxes: embedder.embed([_crop(frame.image, box) for box in boxes])

    def _extend_trails(self, shown: Sequence[Detection], pts_ns: int) -> None:
        if not self._params.trail_s:
            self._trails.clear()
            return
        oldest_ns = pts_ns - round(self._params.trail_s * 1e9)
        for detection in shown:
            trail = self._trails.setdefault(detection.track_id or 0, deque())
            x1, _, x2, y2 = detection.box
            trail.append((pts_ns, ((x1 + x2) / 2, y2)))
        for number, trail in list(self._trails.items()):
            while trail and trail[0][0] < oldest_ns:
                trail.popleft()
            if not trail:
                del self._trails[number]

    def _trail(self, detection: Detection) -> Mark:
        points = [point for _, point in self._trails[detection.track_id or 0]]
        step = -(-len(points) // MOST_TRAIL_POINTS)
        # Counted from the newest point, so that the trail ends at the thing.
        return Mark(tuple(points[::-1][::step]), key=detection.label)

    def _measures(self, shown: Sequence[Detection]) -> dict[str, object]:
        now = Counter(d.label for d in shown)
        return {
            "now": len(shown), "now_by_class": dict(sorted(now.items())),
            "total": self._totals.total(), "total_by_class": dict(sorted(self._totals.items())),
            "appearance": self._appearance(),
        }  # fmt: skip

    def _appearance(self) -> str:
        if not self._params.appearance:
            return "off"
        return self._embedder.name if self._embedder is not None else f"the weight file {APPEARANCE_FILE} is not here"


def _in_picture(view: TrackView, size_px: tuple[int, int]) -> Detection | None:
    box = clamp_box(view.detection.box, size_px)
    return replace(view.detection, box=box) if box[2] > box[0] and box[3] > box[1] else None


def _crop(image: Image, box: Box) -> Image:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(edge) for edge in clamp_box(box, (width, height)))
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    return np.ascontiguousarray(image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)])


def _embedder(resources: Resources) -> Embedder | None:
    path = resources.models.find(APPEARANCE_FILE)
    return Embedder.open(path, IMAGENET_RGB) if path is not None else None


def _make(params: TrackingParams, resources: Resources) -> MultiObjectTracking:
    return MultiObjectTracking(params, _embedder(resources) if params.appearance else None)


register(
    NAME,
    _make,
    kind="analyzer",
    label="Tracking",
    description="Gives every person and thing a number and keeps it, with a trail of where it came from.",
    group="Zones and counting",
    params=TrackingParams,
    reads="object_detection",
    rate_hz=30.0,
    backend="numpy",
)
