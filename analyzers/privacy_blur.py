"""Privacy blur: makes faces, people and number plates unrecognisable, in the pixels. Below 1 ms at 720p, 2 ms for a street of
people.

What must be hidden is found by analyzers of its own (`privacy_faces`, `privacy_people`, `privacy_plates`), which are sensitive
and have no settings, so that no setting of another stage opens a hole. It fails closed: while one of them has said nothing recent
(still loading, failing, too slow, no weights) the **whole** picture is made unreadable. What an analyzer loses stays covered for
HOLD_S more, since detectors drop things for single frames.

Between two looks somebody new may come in: he stays clear until the next look has seen him. `cover_changes` closes that: whatever
differs from the very picture that was searched is covered as well. Without it the same is done as soon as the looks fall behind,
so that nobody new is clear for more than LATE_NS. What is never found (tiny, turned away) is not covered by either.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.findings import Box, Findings, clamp_box, iou
from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register
from sightline.vision.plates import PLATE_FILE
from sightline.vision.weights import missing_weights

KINDS = {"faces": "privacy_faces", "people": "privacy_people", "plates": "privacy_plates"}
"""Parameter and the analyzer that finds what it hides."""
WORDS = {"faces": "faces", "people": "people", "plates": "number plates"}
FINDINGS_MAX_AGE_NS = 1_000_000_000
"""Older findings say nothing about where anybody is now."""
LATE_NS = 350_000_000
"""When the searched picture is older than this, what changed since is covered without being asked for."""
HOLD_S = 0.8
SAME_IOU = 0.3
BLOCKS_PER_BOX = 6
"""Cells along the longer side that a covered box keeps; too few to recognise anybody."""
BLOCKS_PER_PICTURE = 24
SAMPLES_PER_BLOCK = 6
"""Pixels per side that are averaged into a cell."""
SAY_AFTER_NS = 3_000_000_000
"""A picture that is covered for longer is told of; loading takes a second or two."""
LUMA_WIDTH_PX = 160
LONGEST_MEMORY = 64
"""Small pictures kept to compare with; at 30 fps more than two seconds."""
CHANGE_LEVELS = 14
"""Difference of brightness (0..255) that counts as a change; noise and compression stay below it after averaging."""
GROW = np.ones((9, 9), np.uint8)


@dataclass(frozen=True)
class PrivacyParams:
    faces: bool = param(True, "Faces")
    people: bool = param(False, "People", help="Whole persons. Surer with a detector's weights.")
    plates: bool = param(False, "Number plates", help="Needs the weights lpd_yunet. With nothing chosen all is covered.")
    style: str = param("pixelate", "Cover with", choices=("pixelate", "blur", "black"))
    margin: int = param(25, "Margin", minimum=0, maximum=100, step=5, unit="%", help="How far beyond what was found, of its size.")
    cover_changes: bool = param(
        False,
        "Cover what changed",
        help="Also hides whatever differs from the picture that was searched last.",
    )


class PrivacyBlur:
    """Covers what must be hidden on one camera."""

    def __init__(self, params: PrivacyParams, missing: str = "") -> None:
        """Cover what `params` names; `missing`: why something of it cannot be searched on this machine, and the way to get it."""
        self._missing = missing
        self._kinds = [kind for kind in KINDS if getattr(params, kind)]
        self._style = params.style
        self._margin = params.margin / 100
        self._late_ns = 0 if params.cover_changes else LATE_NS
        self._changes = Changes()
        self._held: tuple[tuple[int, Box], ...] = ()
        """Boxes seen lately, each with the pts (ns) until which it stays covered."""
        self._blind_since_ns: int | None = None
        self.notice = ""

    def apply(self, image: Image, moment: Moment) -> Image:
        size_px = (image.shape[1], image.shape[0])
        known = {kind: moment.findings.get(KINDS[kind]) for kind in self._kinds}
        current = [found for found in known.values() if found is not None and _is_current(found, moment.pts_ns, size_px)]
        searched_ns = min((found.pts_ns for found in current), default=-1)
        changed = self._changes.since(searched_ns, image, moment.pts_ns)
        self._tell(moment.pts_ns, known, len(current) == len(known))
        if not current or len(current) < len(known):
            self._held = ()
            return _covered(image)
        result = image.copy()
        if moment.pts_ns - searched_ns > self._late_ns:
            cv2.copyTo(_covered(image), cv2.resize(changed, size_px, interpolation=cv2.INTER_NEAREST), result)
        boxes = [detection.box for found in current for detection in found.detections]
        for box in self._with_held(boxes, moment.pts_ns):
            self._cover(result, _with_margin(box, self._margin, size_px))
        return result

    def _tell(self, now_ns: int, known: dict[str, Findings | None], is_sighted: bool) -> None:
        if is_sighted:
            self._blind_since_ns, self.notice = None, ""
            return
        if self._missing and "plates" in known and known["plates"] is None:
            self.notice = f"The whole picture is covered, because number plates cannot be searched. {self._missing}"
            return
        if self._blind_since_ns is None or self._blind_since_ns > now_ns:
            self._blind_since_ns = now_ns
        if now_ns - self._blind_since_ns >= SAY_AFTER_NS:
            words = " and ".join(WORDS[kind] for kind, found in known.items() if found is None) or "what is to be hidden"
            self.notice = f"The whole picture is covered, because nobody is searching it for {words} at the moment."

    def _with_held(self, seen: Sequence[Box], now_ns: int) -> Iterable[Box]:
        until_ns = now_ns + int(HOLD_S * 1e9)
        kept = tuple((until, box) for until, box in self._held if now_ns < until <= until_ns and not _is_among(box, seen))
        self._held = tuple((until_ns, box) for box in seen) + kept
        return [box for _, box in self._held]

    def _cover(self, image: Image, box: tuple[int, int, int, int]) -> None:
        x1, y1, x2, y2 = box
        if x2 <= x1 or y2 <= y1:
            return
        part = image[y1:y2, x1:x2]
        if self._style == "black":
            part[:] = 0
        elif self._style == "blur":
            part[:] = _soften(part, BLOCKS_PER_BOX)
        else:
            part[:] = _soften(part, BLOCKS_PER_BOX, cv2.INTER_NEAREST)


class Changes:
    """Remembers small brightness pictures of one camera, to tell what is new since one of them was searched."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, Image]] = deque(maxlen=LONGEST_MEMORY)

    def since(self, searched_ns: int, image: Image, now_ns: int) -> Image:
        """`(h, w)`: 255 where `image` differs from the picture at `searched_ns`, everywhere when that is unknown."""
        small = cv2.resize(image, _small_size(image), interpolation=cv2.INTER_LINEAR)
        luma = cv2.blur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (3, 3))
        if self._seen and (self._seen[-1][0] > now_ns or self._seen[-1][1].shape != luma.shape):
            self._seen.clear()
        self._seen.append((now_ns, luma))  # type: ignore[arg-type]
        # The chain may have skipped the frame that was searched: an earlier one shows more change, never less.
        before = next((seen for pts_ns, seen in reversed(self._seen) if pts_ns <= searched_ns), None)
        if before is None:
            return np.full(luma.shape, 255, np.uint8)
        differing = cv2.threshold(cv2.absdiff(luma, before), CHANGE_LEVELS, 255, cv2.THRESH_BINARY)[1]
        return cv2.dilate(differing, GROW)  # type: ignore[return-value]


def _small_size(image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    small_w = min(width, LUMA_WIDTH_PX)
    return small_w, max(1, round(height * small_w / width))


def _is_current(found: Findings, now_ns: int, size_px: tuple[int, int]) -> bool:
    # Another size means the camera changed its resolution: the boxes refer to a picture that is gone.
    return abs(now_ns - found.pts_ns) <= FINDINGS_MAX_AGE_NS and found.size_px == size_px


def _is_among(box: Box, seen: Iterable[Box]) -> bool:
    return any(iou(box, other) > SAME_IOU for other in seen)


def _with_margin(box: Box, margin: float, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels, rounded outwards."""
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * margin, (y2 - y1) * margin
    x1, y1, x2, y2 = clamp_box((x1 - dx, y1 - dy, x2 + dx, y2 + dy), size_px)
    return int(x1), int(y1), int(-(-x2 // 1)), int(-(-y2 // 1))


def _covered(image: Image) -> Image:
    """The whole picture, unreadable."""
    return _soften(image, BLOCKS_PER_PICTURE)


def _soften(part: Image, blocks: int, interpolation: int = cv2.INTER_LINEAR) -> Image:
    """Reduce `part` to at most `blocks` cells along its longer side, and blow it up again."""
    height, width = part.shape[:2]
    return cv2.resize(_cells(part, blocks), (width, height), interpolation=interpolation)  # type: ignore[return-value]


def _cells(part: Image, blocks: int) -> Image:
    """`part` as at most `blocks` cells along its longer side."""
    # Averaging over a coarse sample hides as much as over every pixel, for a tenth of the time.
    sample = cv2.resize(part, _fitting(part, SAMPLES_PER_BLOCK * blocks), interpolation=cv2.INTER_NEAREST)
    return cv2.resize(sample, _fitting(part, blocks), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _fitting(part: Image, longest: int) -> tuple[int, int]:
    """Width, height of `part` scaled down so that its longer side is `longest` at most."""
    height, width = part.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def searched_by(params: PrivacyParams) -> tuple[str, ...]:
    """The analyzers that must run for these parameters."""
    return tuple(analyzer for kind, analyzer in KINDS.items() if getattr(params, kind))


def _make(params: PrivacyParams, resources: Resources) -> PrivacyBlur:
    return PrivacyBlur(params, missing_weights(resources.models, [PLATE_FILE]) or "" if params.plates else "")


register(
    "privacy_blur",
    _make,
    kind="filter",
    label="Privacy blur",
    description="Makes faces, people or number plates unrecognisable. While they cannot be searched, the whole picture is covered.",
    params=PrivacyParams,
    group="Privacy",
    uses=searched_by,
    hides=True,
)
