"""Zones and lines that an operator draws on the picture, as parameters of a stage.

Points are shares of the picture (0..1, x from the left, y from the top), so that a shape stays where it is when the camera's
resolution changes. In JSON a shape is `{"name": "Entrance", "points": [[0.1, 0.2], ...]}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sightline.errors import Invalid
from sightline.media.stage import checked_param

MOST_SHAPES = 32
MOST_POINTS = 32
LONGEST_NAME = 40
ShapeKind = Literal["zone", "line", "quad"]
"""zone: closed, 3 points or more. line: open, 2 or more; a thing crosses it from its left to its right or back. quad: 4 corners."""
POINTS: dict[ShapeKind, tuple[int, int]] = {"zone": (3, MOST_POINTS), "line": (2, MOST_POINTS), "quad": (4, 4)}


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn shape."""

    name: str
    """Unique among the shapes of its parameter."""
    points: tuple[tuple[float, float], ...]

    def to_pixels(self, size_px: tuple[int, int]) -> tuple[tuple[float, float], ...]:
        """The points in pixels of a picture of that width and height."""
        return tuple((x * size_px[0], y * size_px[1]) for x, y in self.points)


def shapes_param(kind: ShapeKind, label: str, *, most: int = MOST_SHAPES, help: str = "") -> Any:
    """Declare a stage parameter whose value is a tuple of Shape."""
    return checked_param((), label, partial(check_shapes, kind=kind, most=most), editor=f"shapes:{kind}", help=help)


def check_shapes(value: object, name: str, *, kind: ShapeKind, most: int = MOST_SHAPES) -> tuple[Shape, ...]:
    """Shapes from untrusted JSON (or from Shape values); `name` is what messages call the parameter.

    Raises:
        Invalid: wrong form, too many, a point outside the picture, a name twice.
    """
    if not isinstance(value, list | tuple) or len(value) > most:
        raise Invalid(f"{name} must be a list of at most {most} shapes.", code="wrong_type", field=name, allowed={"most": most})
    shapes = tuple(_shape(item, f"{name}[{place}]", kind) for place, item in enumerate(value))
    if len({shape.name for shape in shapes}) != len(shapes):
        raise Invalid(f"Two shapes of {name} have the same name.", code="duplicate_name", field=name)
    return shapes


def _shape(item: object, name: str, kind: ShapeKind) -> Shape:
    if isinstance(item, Shape):
        item = {"name": item.name, "points": item.points}
    if not isinstance(item, Mapping) or set(item) != {"name", "points"}:
        raise Invalid(f"{name} must have a name and points, nothing else.", code="wrong_type", field=name)
    words, points = item["name"], item["points"]
    if not isinstance(words, str) or not words.strip() or len(words) > LONGEST_NAME or not words.isprintable():
        raise Invalid(f"{name} needs a name of at most {LONGEST_NAME} letters.", code="wrong_value", field=f"{name}.name")
    fewest, most = POINTS[kind]
    if not isinstance(points, list | tuple) or not fewest <= len(points) <= most:
        raise Invalid(
            f"{name} must have {fewest} points." if fewest == most else f"{name} must have {fewest} to {most} points.",
            code="wrong_value", field=f"{name}.points", allowed={"fewest": fewest, "most": most},
        )  # fmt: skip
    return Shape(words.strip(), tuple(_point(point, f"{name}.points") for point in points))


def _point(point: object, name: str) -> tuple[float, float]:
    if isinstance(point, list | tuple) and len(point) == 2 and all(_is_share(share) for share in point):
        return float(point[0]), float(point[1])
    raise Invalid(f"A point of {name} must be two numbers between 0 and 1.", code="out_of_range", field=name)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
