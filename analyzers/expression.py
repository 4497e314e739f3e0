"""Expression: which of seven expressions a face shows: angry, disgusted, fearful, happy, neutral, sad, surprised.

Reads the findings of the face analyzer. Each face is aligned as for recognition, and a MobileFaceNet gives a probability per
expression; these are averaged over the last half second of each face, so that the word does not flicker. It tells what a
face looks like, not what somebody feels. One instance per camera, called by one thread.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Detection, Findings, Scalar
from sightline.media.frame import Frame
from sightline.media.stage import Resources, param, register
from sightline.vision.face_tracks import FaceTracks
from sightline.vision.faces import align, flaw
from sightline.vision.inference import Classifier, Pixels
from sightline.vision.weights import missing_weights, weights

FILE = "facial_expression_recognition_mobilefacenet_2022july.onnx"
LABELS = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
"""In the order of the model's outputs."""
PIXELS = Pixels(is_rgb=True, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
"""RGB -1..1"""
HALF_LIFE_S = 0.3
MOST_FACES = 8
FORGET_AFTER_NS = 1_500_000_000
"""A face that has turned away for longer gets no word."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class ExpressionParams:
    confidence: float = param(0.5, "Confidence", minimum=0.2, maximum=0.95, step=0.05, help="Less certain faces get no word.")
    min_face_px: int = param(48, "Smallest face", minimum=24, maximum=400, step=4, unit="px")


@dataclass(slots=True)
class Mood:
    """The averaged probabilities of one face."""

    values: Probabilities
    at_ns: int

    def take(self, newest: Probabilities, now_ns: int) -> None:
        kept = 0.5 ** ((now_ns - self.at_ns) / 1e9 / HALF_LIFE_S)
        self.values, self.at_ns = (kept * self.values + (1 - kept) * newest).astype(np.float32), now_ns


class Expression:
    """Reads the faces of one camera."""

    def __init__(self, params: ExpressionParams, resources: Resources) -> None:
        self._params = params
        self._model = Classifier.open(weights(resources.models, FILE), PIXELS, LABELS)
        self._tracks = FaceTracks()
        self._moods: dict[int, Mood] = {}

    @property
    def backend(self) -> str:
        return self._model.provider

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        largest = sorted(findings.detections, key=lambda face: face.box[0] - face.box[2])[:MOST_FACES]
        faces = tuple(face for face in findings.detections if face in largest)
        numbers = [track.number for track in self._tracks.update([face.box for face in faces], frame.pts_ns)]
        since_ns = frame.pts_ns - FORGET_AFTER_NS
        self._moods = {number: mood for number, mood in self._moods.items() if number in numbers and mood.at_ns >= since_ns}
        self._read(frame, dict(zip(numbers, faces, strict=True)))
        detections = tuple(self._named(face, number) for face, number in zip(faces, numbers, strict=True))
        words = Counter(str(face.attributes["expression"]) for face in detections if "expression" in face.attributes)
        return Findings.of(
            "expression", frame, detections=detections, measures={word: words[word] for word in LABELS if words[word]}
        )

    def _read(self, frame: Frame, faces: dict[int, Detection]) -> None:
        crops = {}
        for number, face in faces.items():
            try:
                crop = align(frame.image, face.keypoints)
            except ValueError:
                continue
            if not flaw(face, crop, self._params.min_face_px):
                crops[number] = crop.pixels
        if not crops:
            return
        for number, row in zip(crops, self._model.probabilities(list(crops.values())), strict=True):
            mood = self._moods.get(number)
            if mood is None:
                self._moods[number] = Mood(row, frame.pts_ns)
            else:
                mood.take(row, frame.pts_ns)

    def _named(self, face: Detection, number: int) -> Detection:
        mood = self._moods.get(number)
        if mood is None or float(mood.values.max()) < self._params.confidence:
            return Detection("face", face.score, face.box, number)
        best = int(mood.values.argmax())
        attributes: dict[str, Scalar] = {"expression": LABELS[best], "certainty": round(float(mood.values[best]), 2)}
        return Detection(LABELS[best], face.score, face.box, number, attributes=attributes)


def _unavailable(resources: Resources) -> str | None:
    return missing_weights(resources.models, (FILE,))


def _make(params: ExpressionParams, resources: Resources) -> Expression:
    return Expression(params, resources)


register(
    "expression",
    _make,
    kind="analyzer",
    label="Expression",
    description="Says which of seven expressions a face shows, such as happy or surprised; not what somebody feels.",
    params=ExpressionParams,
    unavailable=_unavailable,
    group="People and faces",
    reads="face_detection",
    rate_hz=5.0,
    licence="Apache-2.0",
    backend="ONNX Runtime",
)
