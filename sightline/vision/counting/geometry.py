"""Distances, sides and crossings of points, segments and polygons, in pixels with y pointing down."""

import itertools
import math
from collections.abc import Sequence

Point = tuple[float, float]


def is_left(a: Point, b: Point, p: Point) -> bool:
    """Whether `p` lies to the left of someone who goes from `a` to `b` in the picture; a point on the line does not."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) < 0


def crossings(line: Sequence[Point], start: Point, end: Point) -> int:
    """How often the way from `start` to `end` crosses the open polyline `line` from left to right, less the other way.

    A way that ends on the line is taken as being to its right, so that two ways that meet there are not counted twice.
    """
    net = 0
    for a, b in itertools.pairwise(line):
        was_left, now_left = is_left(a, b, start), is_left(a, b, end)
        if was_left != now_left and is_left(start, end, a) != is_left(start, end, b):
            net += 1 if was_left else -1
    return net


def distance_to_line(line: Sequence[Point], p: Point) -> float:
    """Distance of `p` from the nearest point of the polyline."""
    return min(_distance_to_segment(a, b, p) for a, b in itertools.pairwise(line))


def depth_in_polygon(polygon: Sequence[Point], p: Point) -> float:
    """Distance of `p` from the edge of the polygon: positive inside (even-odd rule), negative outside."""
    closed = [*polygon, polygon[0]]
    distance = distance_to_line(closed, p)
    return distance if _is_inside(polygon, p) else -distance


def area(polygon: Sequence[Point]) -> float:
    """Area by the shoelace formula; parts that overlap themselves cancel out."""
    closed = [*polygon, polygon[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(closed))) / 2


def _is_inside(polygon: Sequence[Point], p: Point) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > p[1]) != (y2 > p[1]) and p[0] < x1 + (p[1] - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def _distance_to_segment(a: Point, b: Point, p: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length_squared = dx * dx + dy * dy
    share = 0.0 if length_squared == 0 else min(1.0, max(0.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length_squared))
    return math.hypot(p[0] - a[0] - share * dx, p[1] - a[1] - share * dy)
