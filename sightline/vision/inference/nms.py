"""Non-maximum suppression: of boxes that lie on one another, the most certain one stays."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.vision.inference.letterbox import Floats

MOST_DETECTIONS = 300


def suppress(boxes: Floats, scores: Floats, classes: NDArray[np.int64], iou: float = 0.5) -> NDArray[np.int64]:
    """Indices of the boxes (xyxy, `(n, 4)`) that remain within each class, best first."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    indices = cv2.dnn.NMSBoxesBatched(xywh.tolist(), scores.tolist(), classes.tolist(), 0.0, iou)
    kept = np.asarray(indices, np.int64).reshape(-1)
    best_first = np.argsort(-scores[kept], kind="stable")[:MOST_DETECTIONS]
    return kept[best_first]
