"""Draws findings onto the picture. Called by the chain thread, after the filters.

What an analyzer says is drawn from the ground up: masks, then zones and lines, then boxes, skeletons and points, words last.
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from sightline.media.findings import Detection, Findings, Mark, Mask
from sightline.media.frame import Image
from sightline.media.transform import IDENTITY, Transform, moved

Colour = tuple[int, int, int]
Pixel = tuple[int, int]

PALETTE: tuple[Colour, ...] = (
    (80, 200, 60), (40, 150, 255), (230, 140, 40), (200, 80, 220), (60, 220, 230), (90, 90, 250), (210, 200, 50), (150, 110, 250),
)  # fmt: skip
"""BGR; each readable on dark and on bright pictures under its label."""
TARGET = "target"
TARGET_COLOUR: Colour = (0, 215, 255)
LOST_COLOUR: Colour = (60, 60, 230)
PERSON_COLOUR: Colour = (230, 200, 60)
CAPTION_ATTRIBUTES = ("text", "gesture")
"""What was read or recognised, written after the label."""
CAPTION_MOST_CHARS = 24
KEYPOINT_LEAST_SCORE = 0.3
MOST_DETECTIONS = 200
"""Boxes drawn of one analyzer: more cannot be read, and would cost the frame rate."""
DENSE_KEYPOINTS = 100
"""From this many keypoints on (a face mesh) only its lines are drawn."""
MOST_MARKS = 200
MOST_LABELS = 256
"""Labels kept; in a 4K picture one takes 150 kB."""
FAR_PX = 32_000.0
FILL = 0.16
"""Weight of a zone's colour over the picture."""
HEAT = 0.45
HEAT_LEAST = 16
"""Cells below this stay as they are, so that only what was visited is coloured."""
PERSON_LEAST = 128
ARROW_SHARE = 0.12
"""Length of a counting line's arrow, as a share of the picture's shorter side."""
FONT = cv2.FONT_HERSHEY_SIMPLEX


def paint(image: Image, findings: Iterable[Findings], transform: Transform = IDENTITY) -> Image:
    """Return `image` `(H, W, 3) uint8 BGR` with the findings drawn.

    A read-only picture is copied first, once, and only if there is something to draw; any other is drawn onto.

    Args:
        findings: in pixels of the source picture.
        transform: from there to pixels of `image`.
    """
    told = drawable(findings)
    if not told:
        return image
    canvas = image if image.flags.writeable else image.copy()
    size_px = (canvas.shape[1], canvas.shape[0])
    if not transform.is_identity:
        told = [moved(found, transform, size_px) for found in told]
    unit = max(1, round(min(size_px) / 360))
    for found in told:
        if found.mask is not None:
            _draw_mask(canvas, found.mask, unit)
    _draw_marks(canvas, [mark for found in told for mark in found.marks[:MOST_MARKS]], unit)
    for found in told:
        _draw_detections(canvas, found.detections[:MOST_DETECTIONS], unit)
    return canvas


def drawable(findings: Iterable[Findings]) -> list[Findings]:
    """Those that hold something to draw."""
    return [found for found in findings if found.detections or found.marks or found.mask is not None]


def colour_of(label: str) -> Colour:
    """The same colour for the same label, in every process and every run."""
    return PALETTE[zlib.crc32(label.encode()) % len(PALETTE)]


def caption(detection: Detection) -> str:
    """The words beside a box: `person 87% #3`."""
    parts = [detection.label]
    if detection.score < 1.0:
        parts.append(f"{detection.score:.0%}")
    if detection.track_id is not None and detection.label != "motion":
        parts.append(f"#{detection.track_id}")
    read = (str(detection.attributes[name]) for name in CAPTION_ATTRIBUTES if detection.attributes.get(name))
    # OpenCV's letters are ASCII only, and long ones would cover the picture.
    parts += [words.encode("ascii", "replace").decode()[:CAPTION_MOST_CHARS] for words in read]
    return " ".join(parts)


def _draw_detections(canvas: Image, detections: Sequence[Detection], unit: int) -> None:
    # All boxes of a colour in one call: each call lets go of the interpreter and may wait for it.
    boxes: dict[Colour, list[list[Pixel]]] = {}
    for detection in detections:
        x1, y1, x2, y2 = (_whole(edge) for edge in detection.box)
        boxes.setdefault(_colour(detection), []).append([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    for colour, corners in boxes.items():
        # Edges along the axes need no anti-aliasing, which costs a third of a millisecond for a few boxes.
        thickness = unit + 1 if colour in (TARGET_COLOUR, LOST_COLOUR) else unit
        cv2.polylines(canvas, list(np.array(corners, np.int32)), True, colour, thickness)
    for detection in detections:
        colour = _colour(detection)
        x1, y1, x2, y2 = (_whole(edge) for edge in detection.box)
        if detection.label == TARGET:
            _draw_cross(canvas, (x1 + x2) // 2, (y1 + y2) // 2, 6 * unit, colour)
        if detection.keypoints:
            _draw_keypoints(canvas, detection, colour, unit)
        _draw_caption(canvas, caption(detection), (x1, y1), colour, unit)


def _colour(detection: Detection) -> Colour:
    if detection.label == TARGET:
        return LOST_COLOUR if detection.attributes.get("lost") else TARGET_COLOUR
    return colour_of(detection.label)


def _draw_keypoints(canvas: Image, detection: Detection, colour: Colour, unit: int) -> None:
    points = [(_whole(x), _whole(y)) for x, y, _ in detection.keypoints]
    seen = [score >= KEYPOINT_LEAST_SCORE for _, _, score in detection.keypoints]
    count = len(points)
    is_dense = count >= DENSE_KEYPOINTS
    bones = [(a, b) for a, b in detection.bones if 0 <= a < count and 0 <= b < count and seen[a] and seen[b]]
    if bones:
        lines = np.array([(points[a], points[b]) for a, b in bones], np.int32)
        # One call for all bones; a mesh of fine lines looks right without anti-aliasing.
        cv2.polylines(canvas, list(lines), False, colour, 1 if is_dense else 2 * unit, cv2.LINE_8 if is_dense else cv2.LINE_AA)
    if is_dense:
        return
    dots = np.array([(point, point) for point, is_seen in zip(points, seen, strict=True) if is_seen], np.int32)
    if len(dots):
        # A thick line of no length is a dot: one call for all of them.
        cv2.polylines(canvas, list(dots), False, (255, 255, 255) if bones else colour, 4 * unit)


def _draw_mask(canvas: Image, mask: Mask, unit: int) -> None:
    if mask.values.size == 0:
        return
    if mask.kind == "heat":
        _draw_heat(canvas, mask)
    else:
        _draw_outline(canvas, mask, unit)


def _draw_heat(canvas: Image, mask: Mask) -> None:
    """Blend the visited part with a colour map; what nobody visited stays as it is."""
    height, width = canvas.shape[:2]
    x, y, w, h = cv2.boundingRect((mask.values >= HEAT_LEAST).astype(np.uint8))
    if w == 0:
        return
    grid_h, grid_w = mask.values.shape
    # One cell more on each side, so that the colours fade out inside the part.
    top, bottom, left, right = max(0, y - 1), min(grid_h, y + h + 1), max(0, x - 1), min(grid_w, x + w + 1)
    y1, y2 = top * height // grid_h, -(-bottom * height // grid_h)
    x1, x2 = left * width // grid_w, -(-right * width // grid_w)
    cells = mask.values[top:bottom, left:right]
    colours = cv2.resize(cv2.applyColorMap(cells, cv2.COLORMAP_TURBO), (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    visited = cv2.resize(cells, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    part = canvas[y1:y2, x1:x2]
    blended = cv2.addWeighted(part, 1 - HEAT, colours, HEAT, 0)
    cv2.copyTo(blended, cv2.threshold(visited, HEAT_LEAST - 1, 255, cv2.THRESH_BINARY)[1], part)


def _draw_outline(canvas: Image, mask: Mask, unit: int) -> None:
    grid_h, grid_w = mask.values.shape
    contours, _ = cv2.findContours((mask.values >= PERSON_LEAST).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
    scale = np.array([canvas.shape[1] / grid_w, canvas.shape[0] / grid_h])
    outlines = [np.round((contour[:, 0] + 0.5) * scale).astype(np.int32) for contour in contours]
    _fill(canvas, [(outline, PERSON_COLOUR) for outline in outlines])
    cv2.polylines(canvas, outlines, True, PERSON_COLOUR, 2 * unit, cv2.LINE_AA)


def _draw_marks(canvas: Image, marks: Sequence[Mark], unit: int) -> None:
    drawn = [(mark, np.array([[_whole(x), _whole(y)] for x, y in mark.points], np.int32)) for mark in marks if mark.points]
    _fill(canvas, [(points, colour_of(mark.key or mark.text)) for mark, points in drawn if mark.closed and len(points) > 2])
    for mark, points in drawn:
        colour = colour_of(mark.key or mark.text)
        # What the operator drew is drawn finely; trails are many and change with every picture.
        cv2.polylines(canvas, [points], mark.closed, colour, 2 * unit, cv2.LINE_AA if mark.text or mark.closed else cv2.LINE_8)
        if mark.text and not mark.closed and len(points) > 1:
            _draw_arrow(canvas, points, colour, unit)
    for mark, points in drawn:
        if mark.text:
            _draw_caption(canvas, mark.text, (int(points[0][0]), int(points[0][1])), colour_of(mark.key or mark.text), unit)


def _fill(canvas: Image, polygons: Sequence[tuple[np.ndarray, Colour]]) -> None:
    """Tint the insides, all in one pass over the part of the picture that holds them."""
    if not polygons:
        return
    corners = np.concatenate([points for points, _ in polygons])
    height, width = canvas.shape[:2]
    x1, y1 = np.maximum(corners.min(axis=0), 0)
    x2, y2 = np.minimum(corners.max(axis=0) + 1, (width, height))
    if x2 <= x1 or y2 <= y1:
        return
    part = canvas[y1:y2, x1:x2]
    tinted = part.copy()
    for points, colour in polygons:
        cv2.fillPoly(tinted, [points], colour, offset=(-int(x1), -int(y1)))
    cv2.addWeighted(part, 1 - FILL, tinted, FILL, 0, dst=part)


def _draw_arrow(canvas: Image, points: np.ndarray, colour: Colour, unit: int) -> None:
    """From the middle of a counting line to its right: the way that counts as in."""
    (x1, y1), (x2, y2) = points[(len(points) - 1) // 2].tolist(), points[(len(points) - 1) // 2 + 1].tolist()
    length = math.hypot(x2 - x1, y2 - y1)
    if length == 0:
        return
    reach = ARROW_SHARE * min(canvas.shape[:2]) / length
    start = ((x1 + x2) // 2, (y1 + y2) // 2)
    # Down is positive, so the right of (dx, dy) is (-dy, dx).
    end = (round(start[0] - (y2 - y1) * reach), round(start[1] + (x2 - x1) * reach))
    cv2.arrowedLine(canvas, start, end, colour, 2 * unit, cv2.LINE_AA, tipLength=0.3)


def _whole(value: float) -> int:
    """A coordinate that OpenCV takes: what is far outside the picture is not drawn anyway, and no number is far outside."""
    return round(min(max(value, -FAR_PX), FAR_PX)) if math.isfinite(value) else -round(FAR_PX)


def _draw_cross(canvas: Image, x: int, y: int, arm_px: int, colour: Colour) -> None:
    cv2.drawMarker(canvas, (x, y), colour, cv2.MARKER_CROSS, 2 * arm_px, 1, cv2.LINE_AA)


def _draw_caption(canvas: Image, words: str, corner: tuple[int, int], colour: Colour, unit: int) -> None:
    height, width = canvas.shape[:2]
    label = _label(words, colour, unit)
    box_h, box_w = label.shape[:2]
    # Above the box where there is room, else inside its upper edge; never outside the picture.
    top = corner[1] - box_h if corner[1] >= box_h else min(corner[1], max(0, height - box_h))
    top, left = max(0, top), max(0, min(corner[0], width - box_w))
    place = canvas[top : top + box_h, left : left + box_w]
    place[:] = label[: place.shape[0], : place.shape[1]]


@lru_cache(maxsize=MOST_LABELS)
def _label(words: str, colour: Colour, unit: int) -> Image:
    """The words on their coloured ground. Kept, because the same few stand in every frame."""
    scale = 0.42 * unit
    (text_w, text_h), base = cv2.getTextSize(words, FONT, scale, unit)
    pad = 2 * unit
    label = np.full((text_h + base + pad + 1, text_w + 2 * pad + 1, 3), colour, np.uint8)
    ink = (20, 20, 20) if sum(colour) > 330 else (255, 255, 255)
    cv2.putText(label, words, (pad, text_h + pad // 2), FONT, scale, ink, unit, cv2.LINE_AA)
    return label
