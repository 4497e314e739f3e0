"""What detectors answer, and how it is read. One `Layout` per family; which one a file has shows in the shape of an answer.

Every reader first finds the cells that are certain enough and decodes those only: of 8400 cells a handful is left.
Scores that are no numbers are never certain enough, so that a broken answer gives no boxes instead of an error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sightline.vision.inference.backend import Array
from sightline.vision.inference.letterbox import BYTE_BGR, GREY, UNIT_RGB, Floats, Pixels

GRID_STRIDES = (8, 16, 32)
NANODET_PLUS_STRIDES = (8, 16, 32, 64)
YOLOV5_ANCHORS = 3
"""Boxes per cell."""
YOLO_STRIDE_PX = 32
"""Inputs of the YOLO family are multiples of this."""
MOST_EXPONENT = 20.0
"""A size of e²⁰ cells is nonsense; more would only overflow."""
RAW_CENTRE_MAX = 8.0
"""Centres inside a raw grid are a cell or two away from their own cell; decoded ones are spread over the whole input."""

Side = tuple[int, int]
"""Width, height of the input in pixels."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one answer claims for one picture, before overlapping boxes are removed."""

    boxes: Floats
    """xyxy `(n, 4)` in input pixels"""
    scores: Floats
    """`(n,)`"""
    classes: NDArray[np.int64]
    """`(n,)`"""
    keypoints: Floats | None = None
    """`(n, k, 3)`: x, y in input pixels, score"""


Reader = Callable[[Sequence[Array], Side, float], Candidates]
"""Reads the outputs of one picture (no batch axis) with a least score."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One family of detectors: how it wants pictures, and how its answers are read."""

    name: str
    pixels: Pixels
    is_centred: bool
    """See `letterbox`."""
    nms_iou: float
    """Overlap from which the reference implementation takes two boxes for one thing."""
    read: Reader
    border: int = GREY
    stride_px: int = 0
    """See `letterbox`."""


def _chosen(scores: Floats, least: float) -> NDArray[np.int64]:
    """Which rows of `(N, classes)` have a certain class."""
    # The maximum along the last axis is read several times faster than its place, which is needed for few rows only.
    return np.flatnonzero(scores.max(axis=1) >= least)


def _xyxy(boxes: Floats) -> Floats:
    """From centre and size, `(n, 4)`."""
    half = boxes[:, 2:4] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])


def read_ultralytics(outputs: Sequence[Array], _side: Side, least: float, keypoints: int = 0, extra: int = 0) -> Candidates:
    """YOLOv8 and later: `(4 + classes + 3 · keypoints + extra, N)`, centre and size in input pixels, a score per class."""
    output = outputs[0]
    classes_end = len(output) - 3 * keypoints - extra
    scores = output[4:classes_end]
    chosen = np.flatnonzero(scores.max(axis=0) >= least)
    rows = output[:, chosen].T
    classes = rows[:, 4:classes_end].argmax(axis=1)
    best = np.take_along_axis(rows[:, 4:classes_end], classes[:, None], axis=1)[:, 0]
    points = rows[:, classes_end : classes_end + 3 * keypoints].reshape(len(rows), keypoints, 3) if keypoints else None
    return Candidates(_xyxy(rows[:, :4]), best, classes, points)


def read_end2end(outputs: Sequence[Array], _side: Side, least: float) -> Candidates:
    """YOLOv10, YOLO26 and exports with their own suppression: `(n, 6)`, x1, y1, x2, y2, score, class."""
    rows = outputs[0][outputs[0][:, 4] >= least]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64))


def read_yolov5(outputs: Sequence[Array], _side: Side, least: float) -> Candidates:
    """YOLOv5 and YOLOv7: `(N, 5 + classes)`, centre and size in input pixels, objectness, a score per class."""
    rows = outputs[0]
    # A score is a product of two numbers up to 1, so that the first alone tells most rows apart.
    rows = rows[rows[:, 4] >= least]
    scores = rows[:, 5:] * rows[:, 4:5]
    chosen = _chosen(scores, least)
    return _of_rows(_xyxy(rows[chosen, :4]), scores[chosen])


def read_yolox(outputs: Sequence[Array], side: Side, least: float, *, is_decoded: bool = False) -> Candidates:
    """YOLOX: `(N, 5 + classes)`, place in the cell, logarithm of the size in cells, objectness, a score per class."""
    rows = outputs[0]
    likely = np.flatnonzero(rows[:, 4] >= least)
    scores = rows[likely, 5:] * rows[likely, 4:5]
    chosen = _chosen(scores, least)
    boxes = rows[likely[chosen], :4]
    if not is_decoded:
        cells, strides = grid(side, GRID_STRIDES)
        cells, strides = cells[likely[chosen]], strides[likely[chosen]]
        sizes = np.exp(np.minimum(boxes[:, 2:], MOST_EXPONENT)) * strides
        boxes = np.hstack([(boxes[:, :2] + cells) * strides, sizes])
    return _of_rows(_xyxy(boxes), scores[chosen])


def read_yolox_decoded(outputs: Sequence[Array], side: Side, least: float) -> Candidates:
    """YOLOX, exported with its decoding: as `read_yolox`, but centre and size in input pixels."""
    return read_yolox(outputs, side, least, is_decoded=True)


def read_nanodet(outputs: Sequence[Array], side: Side, least: float) -> Candidates:
    """NanoDet with an output of scores `(cells, classes)` and one of distances `(cells, 4 · bins)` per stride.

    A distance from the cell's centre to an edge is the mean of a distribution over `bins` lengths (generalised focal loss).
    """
    scores, distances = _paired(outputs)
    return _from_distances(scores, distances, side, least, GRID_STRIDES if len(outputs) == 6 else NANODET_PLUS_STRIDES, 0.5)


def read_nanodet_plus(outputs: Sequence[Array], side: Side, least: float) -> Candidates:
    """NanoDet-Plus in one output `(N, classes + 4 · bins)`; its cells are counted from their corners."""
    bins = 8
    output = outputs[0]
    return _from_distances(output[:, : -4 * bins], output[:, -4 * bins :], side, least, NANODET_PLUS_STRIDES, 0.0)


def _paired(outputs: Sequence[Array]) -> tuple[Floats, Floats]:
    """All scores and all distances, finest stride first. Files list them stride by stride or kind by kind."""
    by_cells: dict[int, list[Array]] = {}
    for output in outputs:
        by_cells.setdefault(len(output), []).append(output)
    levels = [by_cells[cells] for cells in sorted(by_cells, reverse=True)]
    return np.concatenate([pair[0] for pair in levels]), np.concatenate([pair[1] for pair in levels])


def _from_distances(
    scores: Floats, distances: Floats, side: Side, least: float, strides_px: Sequence[int], centre: float
) -> Candidates:  # fmt: skip
    chosen = _chosen(scores, least)
    cells, strides = grid(side, strides_px)
    cells, strides = cells[chosen], strides[chosen]
    bins = distances[chosen].reshape(len(chosen), 4, distances.shape[1] // 4)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    lengths = (weights * np.arange(bins.shape[2])).sum(axis=2) / weights.sum(axis=2) * strides  # (n, 4)
    centres = cells * strides + centre * (strides - 1)
    return _of_rows(np.hstack([centres - lengths[:, :2], centres + lengths[:, 2:]]), scores[chosen])


def _of_rows(boxes: Floats, scores: Floats) -> Candidates:
    classes = scores.argmax(axis=1) if scores.size else np.zeros(len(scores), np.int64)
    best = np.take_along_axis(scores, classes[:, None], axis=1)[:, 0]
    return Candidates(boxes.astype(np.float32), best, classes)


def cell_count(side: Side, strides: Sequence[int]) -> int:
    """Cells of all grids together."""
    return sum(-(-side[0] // s) * -(-side[1] // s) for s in strides)


_grids: dict[tuple[Side, tuple[int, ...]], tuple[Floats, Floats]] = {}


def grid(side: Side, strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Column and row of each cell `(N, 2)`, and its stride in pixels `(N, 1)`; finest grid first, row by row."""
    key = (side, tuple(strides))
    if key not in _grids:
        cells, steps = [], []
        for stride in strides:
            columns, rows = -(-side[0] // stride), -(-side[1] // stride)
            x, y = np.meshgrid(np.arange(columns), np.arange(rows))
            cells.append(np.stack([x, y], axis=2).reshape(-1, 2))
            steps.append(np.full((rows * columns, 1), stride))
        _grids[key] = np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)
    return _grids[key]


NANODET_BGR = Pixels(is_rgb=False, mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395))
ULTRALYTICS = Layout("ultralytics", UNIT_RGB, True, 0.7, read_ultralytics, stride_px=YOLO_STRIDE_PX)
END2END = Layout("end2end", UNIT_RGB, True, 1.0, read_end2end, stride_px=YOLO_STRIDE_PX)
YOLOV5 = Layout("yolov5", UNIT_RGB, True, 0.45, read_yolov5, stride_px=YOLO_STRIDE_PX)
YOLOX = Layout("yolox", BYTE_BGR, False, 0.45, read_yolox)
YOLOX_DECODED = Layout("yolox_decoded", BYTE_BGR, False, 0.45, read_yolox_decoded)
NANODET = Layout("nanodet", NANODET_BGR, True, 0.6, read_nanodet)
NANODET_PLUS = Layout("nanodet_plus", NANODET_BGR, True, 0.6, read_nanodet_plus)
LAYOUTS = {one.name: one for one in (ULTRALYTICS, END2END, YOLOV5, YOLOX, YOLOX_DECODED, NANODET, NANODET_PLUS)}
"""By the name that a manifest may give."""


def pose_layout(keypoints: int) -> Layout:
    """YOLO-pose: `(5 + 3 · keypoints, N)`."""
    return replace(ULTRALYTICS, name="ultralytics_pose", read=partial(read_ultralytics, keypoints=keypoints))


def segment_layout(coefficients: int) -> Layout:
    """YOLO-seg, whose masks are not read: `(4 + classes + coefficients, N)` beside the prototypes."""
    return replace(ULTRALYTICS, name="ultralytics_seg", read=partial(read_ultralytics, extra=coefficients))


def find_layout(answer: Sequence[Array], side: Side, metadata: Mapping[str, str]) -> Layout | None:
    """By the shapes of an answer to one plain picture (with its batch axis), or None when no detector answers like this."""
    shapes = [array.shape for array in answer]
    if any(len(shape) < 3 or shape[0] != 1 for shape in shapes):
        return None
    if len(answer) in (6, 8):
        return NANODET if _is_nanodet(shapes, side) else None
    if len(answer) == 2 and len(shapes[1]) == 4 and len(shapes[0]) == 3:
        return segment_layout(shapes[1][1])
    return _single(answer[0], side, metadata) if len(answer) == 1 and len(shapes[0]) == 3 else None


def _single(output: Array, side: Side, metadata: Mapping[str, str]) -> Layout | None:
    _, rows, columns = output.shape
    cells = cell_count(side, GRID_STRIDES)
    if columns == cells and rows > 4:
        keypoints = _keypoints(metadata)
        return pose_layout(keypoints) if keypoints and rows == 5 + 3 * keypoints else ULTRALYTICS
    if columns == 6 and rows < cells:
        return END2END
    by_rows = {cells: _yolox_kind(output), YOLOV5_ANCHORS * cells: YOLOV5, cell_count(side, NANODET_PLUS_STRIDES): NANODET_PLUS}
    return by_rows.get(rows) if columns > 5 else None


def _yolox_kind(output: Array) -> Layout:
    return YOLOX_DECODED if float(np.nanmedian(np.abs(output[0, :, :2]))) > RAW_CENTRE_MAX else YOLOX


def _is_nanodet(shapes: Sequence[tuple[int, ...]], side: Side) -> bool:
    strides = GRID_STRIDES if len(shapes) == 6 else NANODET_PLUS_STRIDES
    wanted = sorted(cell_count(side, (stride,)) for stride in strides for _ in range(2))
    return all(len(shape) == 3 for shape in shapes) and sorted(shape[1] for shape in shapes) == wanted


def _keypoints(metadata: Mapping[str, str]) -> int:
    """How many keypoints the file claims; Ultralytics writes `[17, 3]`."""
    numbers = metadata.get("kpt_shape", "").strip("[]() ").split(",")
    return int(numbers[0]) if len(numbers) == 2 and numbers[0].strip().isdigit() and numbers[1].strip() == "3" else 0
