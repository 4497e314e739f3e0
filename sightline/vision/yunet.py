"""YuNet: faces with five keypoints, run by OpenCV (Wu, Peng, Yu: YuNet, a tiny millisecond-level face detector, 2023)."""

from pathlib import Path

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.findings import Detection, clamp_box
from sightline.media.frame import Image

FILES = ("face_detection_yunet_2023mar.onnx", "yunet_n_640_640.onnx")
SIDE_PX = 640
"""Some of the files take no other size."""
NMS_IOU = 0.3


class YuNet:
    """One loaded detector; for one thread at a time. About 40 ms per picture on one core."""

    def __init__(self, path: Path, confidence: float) -> None:
        """Raises: AnalyzerError: OpenCV cannot read the file."""
        try:
            self._model = cv2.FaceDetectorYN.create(
                str(path), "", (SIDE_PX, SIDE_PX), score_threshold=confidence, nms_threshold=NMS_IOU
            )
        except cv2.error as err:
            raise AnalyzerError(f"{path.name} cannot be read; the file is damaged. Fetch it again.", code="model_broken") from err

    def detect(self, image: Image) -> list[Detection]:
        """Faces of a BGR picture, in its pixels. Keypoints: right eye, left eye, nose, right and left corner of the mouth."""
        height, width = image.shape[:2]
        scale = min(1.0, SIDE_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        square = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
        square[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        _, rows = self._model.detect(square)
        found = (_detection(row, scale, (width, height)) for row in (rows if rows is not None else np.zeros((0, 15), np.float32)))
        return [face for face in found if face is not None]


def _detection(row: np.ndarray, scale: float, size_px: tuple[int, int]) -> Detection | None:
    """From x, y, width, height, five points and a score; None for what is no box."""
    if not np.isfinite(row).all():
        return None
    x, y, width, height, *coordinates = (float(value) / scale for value in row[:14])
    box = clamp_box((x, y, x + width, y + height), size_px)
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    pairs = zip(coordinates[::2], coordinates[1::2], strict=True)
    points = tuple((min(max(px, 0.0), size_px[0]), min(max(py, 0.0), size_px[1]), 1.0) for px, py in pairs)
    return Detection("face", min(1.0, max(0.0, float(row[14]))), box, keypoints=points)
