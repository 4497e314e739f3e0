"""Objects: people in surveillance footage against its ground truth, and the usual bus, with the analyzer as it is shipped.

Matching is COCO's at one threshold: per picture, claims in the order of their scores, each takes the truth it overlaps most (IoU at
least .5) that nobody has taken yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail
from sightline.media.findings import Box, Detection, iou
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

CLIP = ASSETS / "video" / "surveillance_people_69f.mp4"
TRUTH = ASSETS / "groundtruth" / "mot15_PETS09-S2L1" / "gt_frames1-69_480x360.txt"
BUS = ASSETS / "images" / "bus.jpg"
MATCH_IOU = 0.5
FRAME_NS = 100_000_000
"""The clip has ten pictures a second."""


def object_detection(**params: object) -> Any:
    """The analyzer with these parameters, the others as they are shipped."""
    analyzers.load(entry_points=False)
    info = stage("object_detection")
    return info.factory(make_params(info, params), Resources(ModelStore(ASSETS / "weights")))


def read_truth(path: Path) -> dict[int, list[Box]]:
    """Boxes xyxy by number of the frame, from the MOT challenge's format."""
    truth: dict[int, list[Box]] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        number, _, x, y, width, height = (float(part) for part in line.split(",")[:6])
        truth.setdefault(int(number), []).append((x, y, x + width, y + height))
    return truth


def frames(path: Path) -> Iterator[Frame]:
    """The pictures of a clip, counted from 1."""
    video = cv2.VideoCapture(str(path))
    number = 0
    while (image := video.read()[1]) is not None:
        number += 1
        yield Frame("yard", number, number * FRAME_NS, number * FRAME_NS, 0.0, BgrPicture(image))
    video.release()


def matches(claimed: Sequence[Detection], truth: Sequence[Box]) -> int:
    """How many of the truth's boxes were found."""
    left, hits = list(truth), 0
    for claim in sorted(claimed, key=lambda d: -d.score):
        best = max(left, key=lambda box: iou(box, claim.box), default=None)
        if best is not None and iou(best, claim.box) >= MATCH_IOU:
            left.remove(best)
            hits += 1
    return hits


def recall_and_precision(detector: Any, clip: Path, truth: Mapping[int, Sequence[Box]]) -> tuple[float, float]:
    """Of the people in a clip."""
    hits = claimed = real = 0
    for frame in frames(clip):
        people = [d for d in detector.analyze([frame])[0].detections if d.label == "person"]
        hits += matches(people, truth.get(frame.seq, ()))
        claimed += len(people)
        real += len(truth.get(frame.seq, ()))
    return hits / real, hits / max(1, claimed)


def figures() -> list[Figure]:
    """Recall and precision of people, and what the bus picture shows."""
    if not CLIP.is_file():
        fail(f"{CLIP} is not here; set SIGHTLINE_ASSETS")
    recall, precision = recall_and_precision(object_detection(model="yolov8n"), CLIP, read_truth(TRUTH))
    image = cv2.imread(str(BUS))
    (found,) = object_detection(model="yolov8n").analyze([Frame("bus", 1, 0, 0, 0.0, BgrPicture(image))])  # type: ignore[arg-type]
    labels = [d.label for d in found.detections]
    return [
        Figure("people found, yolov8n", recall, "", "wanted recall", 0.85, "higher", 1.0),
        Figure("claims that are people, yolov8n", precision, "", "wanted precision", 0.92, "higher", 1.0),
        Figure("people in bus.jpg missed or invented", abs(labels.count("person") - 4) + 1, "+1", "none", 1.0, "lower", 1.0),
        Figure("buses in bus.jpg missed or invented", abs(labels.count("bus") - 1) + 1, "+1", "none", 1.0, "lower", 1.0),
    ]
