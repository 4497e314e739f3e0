"""Posture: joints of people in photographs against their ground truth, by COCO's object keypoint similarity (OKS)."""

import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail
from sightline.media.findings import Detection
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

FOLDER = ASSETS / "groundtruth" / "mmpose_coco_keypoints"
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""How far people who annotate a joint are apart, as COCO's evaluation has it; in the order of COCO's keypoints."""
GOOD_OKS = 0.5


def similarity(person: Detection, truth: NDArray[np.float64], area_px: float) -> float:
    """OKS of one claim, 0..1.

    Args:
        truth: `(17, 3)`: x, y, and 0 where the joint is not annotated.
    """
    seen = truth[:, 2] > 0
    claimed = np.array(person.keypoints)[seen, :2]
    square_px = ((claimed - truth[seen, :2]) ** 2).sum(axis=1)
    return float(np.exp(-square_px / (2 * area_px * (2 * SIGMAS[seen]) ** 2)).mean())


def good_people(detector: Any, annotations: dict[str, Any]) -> tuple[int, int]:
    """People whose posture is found (OKS above .5), of all whose joints are annotated."""
    good = total = 0
    for picture in annotations["images"]:
        image = cv2.imread(str(FOLDER / picture["file_name"]))
        frame = Frame("photo", 1, 0, 0, 0.0, BgrPicture(image))  # type: ignore[arg-type]
        truths = [a for a in annotations["annotations"] if a["image_id"] == picture["id"] and a["num_keypoints"]]
        total += len(truths)
        good += _good(detector.analyze([frame])[0].detections, truths)
    return good, total


def _good(claims: Sequence[Detection], truths: Sequence[dict[str, Any]]) -> int:
    left, good = list(truths), 0
    for person in sorted(claims, key=lambda d: -d.score):
        scored = [(similarity(person, np.array(t["keypoints"], float).reshape(17, 3), t["area"]), n) for n, t in enumerate(left)]
        best, number = max(scored, default=(0.0, -1))
        if best > GOOD_OKS:
            left.pop(number)
            good += 1
    return good


def figures() -> list[Figure]:
    """People whose posture YOLO-pose finds."""
    if not FOLDER.is_dir():
        fail(f"{FOLDER} is not here; set SIGHTLINE_ASSETS")
    analyzers.load(entry_points=False)
    info = stage("pose_estimation")
    detector = info.factory(make_params(info, {"model": "yolov8n_pose"}), Resources(ModelStore(ASSETS / "weights")))
    good, total = good_people(detector, json.loads((FOLDER / "test_coco.json").read_text(encoding="utf-8")))
    return [Figure(f"people of {total} with OKS > {GOOD_OKS}, yolov8n-pose", good, "people", "wanted", 11, "higher", 1.0)]
