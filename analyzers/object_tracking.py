"""Follows the one object that an operator draws a box around. About 11 ms per look, on a picture 640 wide.

CSRT (OpenCV contrib) does the work: of CSRT, KCF, MOSSE, MIL and MedianFlow it was the only one that kept a moving, noisy object
of changing size both when it saw every frame and when it saw every third one. The settings here cost a quarter of its defaults.
CSRT never says that it lost the object, so every look is checked against the object's appearance. A lost object is searched in
the whole picture, and reported with `lost: true` at its last place for LOST_SHOWN_S.
One instance per camera; `follow` and `analyze` are called by one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sightline.media.findings import Box, Detection, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.stage import Resources, Target, param, register

WIDTH_PX = 640
SEARCH_WIDTH_PX = 320
PATCH_PX = 32
"""Side of the brightness patch by which appearances are compared."""
SMALLEST_PX = 6
"""Side, on the small picture, below which there is nothing to follow."""
SAME = 0.6
"""Correlation from which a patch counts as the object and refreshes what is known of it."""
DOUBTFUL = 0.7
"""Correlation below which a better place or size is looked for around the box."""
LOST = 0.45
LOST_LOOKS = 3
"""Poor looks in a row that make the object lost; one may be motion blur."""
FOUND_AGAIN = 0.8
LOST_SHOWN_S = 2.0
SEARCH_EVERY = 3
"""Searching the whole picture costs more than following: every third look is enough."""
SEARCH_SCALES = (0.64, 0.8, 1.0, 1.25, 1.56)
CORRECTION_SCALES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35)


@dataclass(frozen=True)
class TrackingParams:
    find_again: bool = param(True, "Find again", help="Searches the whole picture when the object was lost.")


class ObjectTracking:
    """Follows one object of one camera."""

    def __init__(self, params: TrackingParams) -> None:
        self._find_again = params.find_again
        self._target: Target | None = None
        self._number = 0
        self._pursuit: Pursuit | None = None
        self._size_px = (0, 0)

    def follow(self, target: Target | None) -> None:
        """Start following `target` at the next frame; None stops."""
        self._target = target
        self._pursuit = None
        self._number += target is not None

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        if frame.size_px != self._size_px:
            # The box refers to a picture of another size; there is no telling where the object went.
            self._pursuit, self._target = None, self._target if self._size_px == (0, 0) else None
            self._size_px = frame.size_px
        small = shrink_to_width(frame.image, WIDTH_PX)
        scale = frame.size_px[0] / small.shape[1]
        if self._pursuit is not None:
            self._pursuit.look(small, frame.pts_ns)
        elif self._target is not None:
            x1, y1, x2, y2 = clamp_box(self._target.box, frame.size_px)
            self._pursuit = Pursuit.start(small, (x1 / scale, y1 / scale, x2 / scale, y2 / scale), frame.pts_ns, self._find_again)
            self._target = None
        detections, state = self._report(frame, scale)
        return Findings(
            "object_tracking", frame.camera_id, frame.seq, frame.pts_ns, frame.captured_ns, frame.size_px, detections,
            {"state": state},
        )  # fmt: skip

    def _report(self, frame: Frame, scale: float) -> tuple[tuple[Detection, ...], str]:
        pursuit = self._pursuit
        if pursuit is None:
            return (), "idle"
        state = "lost" if pursuit.is_lost else "following"
        if pursuit.is_lost and frame.pts_ns - pursuit.seen_pts_ns > LOST_SHOWN_S * 1e9:
            return (), state
        x1, y1, x2, y2 = pursuit.box
        box = clamp_box((x1 * scale, y1 * scale, x2 * scale, y2 * scale), frame.size_px)
        if box[2] <= box[0] or box[3] <= box[1]:
            return (), state
        score = min(1.0, max(0.0, pursuit.likeness))
        return (Detection("target", score, box, track_id=self._number, attributes={"lost": pursuit.is_lost}),), state


class Pursuit:
    """One object being followed, in pixels of the small picture."""

    def __init__(self, small: Image, box: Box, pts_ns: int, find_again: bool) -> None:
        self.box = box
        self.seen_pts_ns = pts_ns
        self.is_lost = False
        self.likeness = 1.0
        self._find_again = find_again
        self._poor_looks = 0
        self._looks = 0
        self._tracker = _tracker_at(small, box)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        self._first = self._recent = _patch(grey, box)  # type: ignore[arg-type]

    @classmethod
    def start(cls, small: Image, box: Box, pts_ns: int, find_again: bool) -> "Pursuit | None":
        """None when the box is too small to hold anything."""
        if min(box[2] - box[0], box[3] - box[1]) < SMALLEST_PX:
            return None
        return cls(small, box, pts_ns, find_again)

    def look(self, small: Image, pts_ns: int) -> None:
        """Find the object in the next picture."""
        self._looks += 1
        grey: Image = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
        if self.is_lost:
            if self._find_again and self._looks % SEARCH_EVERY == 0:
                self._search(small, grey, pts_ns)
            return
        ok, (x, y, w, h) = self._tracker.update(small)
        box = (float(x), float(y), float(x + w), float(y + h))
        self.likeness = self._compare(grey, box) if ok else 0.0
        if LOST <= self.likeness < DOUBTFUL:
            box = self._correct(small, grey, box)
        if self.likeness < LOST:
            self._poor_looks += 1
            self.is_lost = self._poor_looks >= LOST_LOOKS
            return
        self._poor_looks = 0
        self._take(grey, box, pts_ns)

    def _correct(self, small: Image, grey: Image, box: Box) -> Box:
        """Look for a clearly better place or size near `box`: CSRT drifts when an object changes its size quickly."""
        likeness, better = self._match_in(grey, _grown(box, (grey.shape[1], grey.shape[0])), CORRECTION_SCALES)
        if likeness < FOUND_AGAIN or likeness < self.likeness + 0.1:
            return box
        self.likeness = likeness
        self._tracker = _tracker_at(small, better)
        return better

    def _take(self, grey: Image, box: Box, pts_ns: int) -> None:
        self.box, self.seen_pts_ns, self.is_lost = box, pts_ns, False
        if self.likeness >= SAME:
            self._recent = _patch(grey, box)

    def _compare(self, grey: Image, box: Box) -> float:
        """Likeness -1..1 of what is in `box` to the object as drawn and as last seen."""
        inside = clamp_box(box, (grey.shape[1], grey.shape[0]))
        if min(inside[2] - inside[0], inside[3] - inside[1]) < SMALLEST_PX:
            return 0.0
        patch = _patch(grey, inside)
        return max(_correlation(patch, self._first), _correlation(patch, self._recent))

    def _search(self, small: Image, grey: Image, pts_ns: int) -> None:
        field = shrink_to_width(grey, SEARCH_WIDTH_PX)
        ratio = grey.shape[1] / field.shape[1]
        likeness, found = self._match_in(field, (0, 0, field.shape[1], field.shape[0]), SEARCH_SCALES, ratio)
        if likeness < FOUND_AGAIN:
            return
        x1, y1, x2, y2 = found
        box = (x1 * ratio, y1 * ratio, x2 * ratio, y2 * ratio)
        self.likeness = likeness
        self._tracker = _tracker_at(small, box)
        self._poor_looks = 0
        self._take(grey, box, pts_ns)

    def _match_in(
        self, grey: Image, window: tuple[int, int, int, int], scales: Sequence[float], ratio: float = 1.0
    ) -> tuple[float, Box]:
        """Likeness and place, in pixels of `grey`, of the best match inside `window` (xyxy); `ratio` = small picture / `grey`."""
        left, top, right, bottom = window
        field = grey[top:bottom, left:right]
        best = (-1.0, self.box)
        for patch in (self._first, self._recent):
            for scale in scales:
                w = round((self.box[2] - self.box[0]) * scale / ratio)
                h = round((self.box[3] - self.box[1]) * scale / ratio)
                if SMALLEST_PX <= w < field.shape[1] and SMALLEST_PX <= h < field.shape[0]:
                    likeness, (x, y) = _best_place(field, cv2.resize(patch, (w, h), interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
                    best = max(best, (likeness, (left + x, top + y, left + x + w, top + y + h)))
        return best


def _best_place(field: Image, template: Image) -> tuple[float, tuple[int, int]]:
    _, likeness, _, place = cv2.minMaxLoc(cv2.matchTemplate(field, template, cv2.TM_CCOEFF_NORMED))
    return (likeness if np.isfinite(likeness) else -1.0), (int(place[0]), int(place[1]))


def _grown(box: Box, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box with half its size more on each side, cut to the picture."""
    dx, dy = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    x1, y1, x2, y2 = clamp_box((box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy), size_px)
    return int(x1), int(y1), int(x2), int(y2)


def _tracker_at(small: Image, box: Box) -> Any:
    settings = cv2.TrackerCSRT.Params()  # type: ignore[attr-defined]
    settings.template_size = 120
    settings.use_segmentation = False
    tracker = cv2.TrackerCSRT.create(settings)  # type: ignore[attr-defined]
    x1, y1, x2, y2 = (round(edge) for edge in box)
    tracker.init(small, (x1, y1, max(1, x2 - x1), max(1, y2 - y1)))
    return tracker


def _patch(grey: Image, box: Box) -> Image:
    x1, y1, x2, y2 = (max(0, round(edge)) for edge in box)
    part = grey[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    return cv2.resize(part, (PATCH_PX, PATCH_PX), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _correlation(a: Image, b: Image) -> float:
    value = float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])
    # Two flat patches have no pattern: they are alike when they are equally bright.
    if a.std() < 1 or b.std() < 1 or not np.isfinite(value):
        return 1.0 - abs(float(a.mean()) - float(b.mean())) / 255
    return value


def _make(params: TrackingParams, _resources: Resources) -> ObjectTracking:
    return ObjectTracking(params)


register(
    "object_tracking",
    _make,
    kind="analyzer",
    label="Follow an object",
    group="Objects",
    description="Follows what you draw a box around, and finds it again when it was hidden.",
    params=TrackingParams,
    rate_hz=30.0,
    backend="OpenCV CSRT",
)
