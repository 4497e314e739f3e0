"""Number plates: where they are, and what they say when the weight file of the text reader is here as well.

Plates are found by LPD-YuNet, about 10 ms per look at 720p and part of it. A single reading is often wrong in a letter: a plate is
followed from look to look, its readings vote, and what wins clearly is told once per visit (`plate.read`). One instance a camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.media.findings import Box, Detection, Findings, Happening, Scalar, iou
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register
from sightline.vision.plates import PLATE_FILE, PlateFinder
from sightline.vision.sightings import Sightings
from sightline.vision.text import READER_FILE, Reading, TextReader
from sightline.vision.weights import missing_weights, weights

GONE_S = 30.0
LOST_S = 1.5
"""A plate that has not been seen for so long is followed no further."""
NEAR_WIDTHS = 1.5
"""Centres of one plate in two looks lie at most so many widths apart."""
LEAST_VOTES = 1.8
"""Sum of the scores of equal readings from which they are believed: three fair ones, or two good ones."""
LEAST_MAJORITY = 0.5
"""Share of all votes that the winner needs."""
LEAST_LETTERS, MOST_LETTERS = 4, 10
MOST_READINGS = 40
"""Different readings of one plate that are kept: a parked car is read for days, and wrongly in ever new ways."""
SMALLEST_WIDTH_PX = 40
"""Below this no letter can be told from another."""


@dataclass(frozen=True)
class PlateParams:
    confidence: float = param(0.7, "Confidence", minimum=0.3, maximum=0.95, step=0.05, help="Less certain plates are ignored.")
    small: bool = param(True, "Small plates", help="Looks at parts of the picture too; costs a look per part.")
    read: bool = param(True, "Read them", help="Needs the weight file of the text reader.")


@dataclass(slots=True)
class FollowedPlate:
    """One plate over several looks."""

    box: Box
    seen_ns: int
    number: int
    votes: dict[str, float] = field(default_factory=dict)

    def vote(self, text: str, score: float) -> None:
        self.votes[text] = self.votes.get(text, 0.0) + score
        if len(self.votes) > MOST_READINGS:
            by_votes = sorted(self.votes, key=lambda text: (-self.votes[text], text))
            self.votes = {text: self.votes[text] for text in by_votes[: MOST_READINGS // 2]}

    @property
    def text(self) -> str:
        """What its readings agree on, or nothing."""
        if not self.votes:
            return ""
        best = max(self.votes, key=lambda text: (self.votes[text], text))
        is_clear = self.votes[best] >= LEAST_VOTES and self.votes[best] >= LEAST_MAJORITY * sum(self.votes.values())
        return best if is_clear else ""


class NumberPlates:
    """Finds, follows and reads plates in the pictures of one camera."""

    def __init__(self, params: PlateParams, finder: PlateFinder, reader: TextReader | None, note: str = "") -> None:
        self._params = params
        self._finder, self._reader = finder, reader
        self._note = note
        self._followed: list[FollowedPlate] = []
        self._next_number = 1
        self._seen = Sightings(GONE_S)

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        found = self._finder.find(frame.image, self._params.confidence, is_thorough=self._params.small)
        self._followed = [p for p in self._followed if 0 <= frame.pts_ns - p.seen_ns <= LOST_S * 1e9]
        free = list(self._followed)
        plates, happenings = [], []
        for detection in found:
            plate = self._plate_of(detection.box, free, frame.pts_ns)
            self._read(frame.image, detection, plate)
            attributes: dict[str, Scalar] = {"text": plate.text} if plate.text else {}
            plates.append(replace(detection, track_id=plate.number, attributes=attributes, bones=((0, 1), (1, 2), (2, 3), (3, 0))))
            if plate.text and self._seen.see(plate.text, frame.pts_ns):
                happenings.append(Happening("plate.read", f"Number plate {plate.text}", {"plate": plate.text}))
        measures: dict[str, object] = {"plates": len(plates), "texts": [str(p.attributes["text"]) for p in plates if p.attributes]}
        if self._note:
            measures["note"] = self._note
        return Findings.of("number_plates", frame, detections=tuple(plates), measures=measures, happenings=tuple(happenings))

    def _plate_of(self, box: Box, free: list[FollowedPlate], pts_ns: int) -> FollowedPlate:
        """The plate that was here before, or a new one."""
        near = [plate for plate in free if iou(plate.box, box) > 0 or _distance(plate.box, box) <= NEAR_WIDTHS * (box[2] - box[0])]
        if near:
            plate = min(near, key=lambda plate: _distance(plate.box, box))
            free.remove(plate)
            plate.box, plate.seen_ns = box, pts_ns
            return plate
        plate = FollowedPlate(box, pts_ns, self._next_number)
        self._next_number += 1
        self._followed.append(plate)
        return plate

    def _read(self, image: Image, detection: Detection, plate: FollowedPlate) -> None:
        if self._reader is None or detection.box[2] - detection.box[0] < SMALLEST_WIDTH_PX:
            return
        corners = np.array([point[:2] for point in detection.keypoints], np.float32)
        text = plate_text(reading := self._reader.read(image, corners))
        if text:
            plate.vote(text, reading.score)


def plate_text(reading: Reading) -> str:
    """A reading as a number plate has it, or nothing when it cannot be one."""
    text = reading.text.upper()
    is_plausible = LEAST_LETTERS <= len(text) <= MOST_LETTERS and any(letter.isdigit() for letter in text)
    return text if is_plausible else ""


def _distance(a: Box, b: Box) -> float:
    return float(np.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3])) / 2


def _unavailable(resources: Resources) -> str | None:
    return missing_weights(resources.models, [PLATE_FILE])


def _make(params: PlateParams, resources: Resources) -> NumberPlates:
    finder = PlateFinder(weights(resources.models, PLATE_FILE))
    if not params.read:
        return NumberPlates(params, finder, None)
    path = resources.models.find(READER_FILE)
    if path is None:
        return NumberPlates(
            params, finder, None, f"Plates are found and not read. {missing_weights(resources.models, [READER_FILE])}"
        )
    return NumberPlates(params, finder, TextReader(path))


register(
    "number_plates",
    _make,
    kind="analyzer",
    label="Number plates",
    description="Finds number plates; reads them when the text reader is here too, and tells each once per visit.",
    params=PlateParams,
    unavailable=_unavailable,
    group="Scene and text",
    rate_hz=4.0,
    licence="Apache-2.0",
    backend="LPD-YuNet and CRNN through onnxruntime",
)
