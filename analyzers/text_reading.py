"""Text in the picture: lines are found by PP-OCR and read by a CRNN, both of the OpenCV model zoo. Digits and letters only.

Needs both weight files. A look costs some 100 ms and 10 more per line, on one core: once a second by default. A watched word is
told once per visit (`text.seen`). One instance per camera; the models are shared by all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sightline.media.findings import Detection, Findings, Happening, clamp_box
from sightline.media.frame import Frame
from sightline.media.stage import Resources, param, register
from sightline.vision.sightings import Sightings
from sightline.vision.text import FINDER_FILE, READER_FILE, Line, Reading, TextFinder, TextReader, boxed
from sightline.vision.weights import missing_weights, weights

GONE_S = 20.0
LISTED = 10
LEAST_LETTERS = 2


@dataclass(frozen=True)
class TextParams:
    confidence: float = param(0.6, "Confidence", minimum=0.3, maximum=0.95, step=0.05, help="Less certain lines are ignored.")
    most: int = param(20, "Lines at most", minimum=1, maximum=60, step=1, help="The largest are read; each costs about 10 ms.")
    watch: str = param("", "Tell of", help="Words, separated by commas: tell when one of them comes into view.")


class TextReading:
    """Reads the lines in the pictures of one camera."""

    def __init__(self, params: TextParams, finder: TextFinder, reader: TextReader) -> None:
        self._params = params
        self._finder, self._reader = finder, reader
        self._watched = watched_words(params.watch)
        self._seen = Sightings(GONE_S)

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        lines = self._finder.find(frame.image, self._params.confidence)
        read = [(line, self._reader.read(frame.image, line.corners)) for line in largest(lines, self._params.most)]
        sure = [(line, reading) for line, reading in read if self._is_sure(reading)]
        seen = (_detection(line, reading, frame.size_px) for line, reading in sure)
        texts = [reading.text for _, reading in sure]
        measures = {"lines": len(lines), "texts": texts[:LISTED]}
        return Findings.of(
            "text_reading", frame, detections=tuple(d for d in seen if d is not None), measures=measures,
            happenings=tuple(self._told(texts, frame.pts_ns)),
        )  # fmt: skip

    def _is_sure(self, reading: Reading) -> bool:
        return len(reading.text) >= LEAST_LETTERS and reading.score >= self._params.confidence

    def _told(self, texts: Sequence[str], pts_ns: int) -> list[Happening]:
        words = [word for word in self._watched if any(word in text for text in texts)]
        fresh = [word for word in words if self._seen.see(word, pts_ns)]
        return [Happening("text.seen", f"“{word}” is in view", {"word": word}) for word in fresh]


def watched_words(text: str) -> tuple[str, ...]:
    """The words as the reader would spell them: small letters and digits only."""
    words = ("".join(letter for letter in word.lower() if letter.isalnum()) for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def largest(lines: Sequence[Line], most: int) -> list[Line]:
    """At most so many lines, those with the largest boxes, in the order they came in."""
    by_size = sorted(range(len(lines)), key=lambda i: -_area(lines[i]))[:most]
    return [lines[i] for i in sorted(by_size)]


def _area(line: Line) -> float:
    x1, y1, x2, y2 = boxed(line.corners)
    return (x2 - x1) * (y2 - y1)


def _detection(line: Line, reading: Reading, size_px: tuple[int, int]) -> Detection | None:
    box = clamp_box(boxed(line.corners), size_px)
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    points = tuple((min(max(float(x), 0.0), size_px[0]), min(max(float(y), 0.0), size_px[1]), 1.0) for x, y in line.corners)
    outline = tuple((i, (i + 1) % 4) for i in range(4))
    return Detection("text", min(1.0, reading.score), box, keypoints=points, attributes={"text": reading.text}, bones=outline)


def _unavailable(resources: Resources) -> str | None:
    return missing_weights(resources.models, [FINDER_FILE, READER_FILE])


def _make(params: TextParams, resources: Resources) -> TextReading:
    finder = TextFinder(weights(resources.models, FINDER_FILE))
    return TextReading(params, finder, TextReader(weights(resources.models, READER_FILE)))


register(
    "text_reading",
    _make,
    kind="analyzer",
    label="Text",
    description="Finds lines of text and reads them; tells when a watched word comes into view.",
    params=TextParams,
    unavailable=_unavailable,
    group="Scene and text",
    rate_hz=1.0,
    licence="Apache-2.0",
    backend="PP-OCRv3 and CRNN through onnxruntime",
)
