"""Crowd heat map: where people (or things) spend their time, as colours over the picture.

Reads multi_object_tracking. What is drawn is presence at the feet, in seconds per cell, fading with a half-life; nothing tells who
it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.object_detection import CLASSES
from sightline.media.findings import Detection, Findings, Mask
from sightline.media.frame import Frame
from sightline.media.stage import Resources, param, register
from sightline.vision.visits import VisitGrid

NAME = "heat_map"
COLUMNS = {"fine": 128, "medium": 80, "coarse": 40}
VISITED_HEAT = 16
"""From this value on a cell counts as visited, and is coloured."""
RADIUS_SHARE = 0.5
"""How far a thing's presence spreads around its feet, as a share of its width."""
MOST_CELLS_HIGH = 4
"""Rows of the grid per column at most: pictures of one column exist."""


@dataclass(frozen=True)
class HeatMapParams:
    classes: str = param("people", "Whose paths", choices=tuple(CLASSES))
    memory: str = param("half-life", "Remember", choices=("half-life", "until reset"), help="until reset: a day, a week, an event.")
    half_life_min: float = param(10.0, "Half-life", minimum=0.1, maximum=1440.0, step=0.1, unit="min", help="Later it counts half.")
    detail: str = param("medium", "Detail", choices=tuple(COLUMNS))


class HeatMap:
    """The map of one camera.

    Measures: `{"presence_s": 812.4, "visited_share": 0.18, "busiest_x": 0.31, "busiest_y": 0.72}`: seconds of presence (faded), how
    much of the picture was visited at all, and where the busiest place is, as shares of the picture (absent while nobody knows).
    """

    def __init__(self, params: HeatMapParams) -> None:
        self._params = params
        self._wanted = CLASSES[params.classes]
        self._grid: VisitGrid | None = None
        self._legacy: VisitGrid | None = None
        self._shape = (0, 0)

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        grid = self._grid_for(frame.size_px)
        wanted = [d for d in findings.detections if self._wanted is None or d.label in self._wanted]
        grid.update(_spots(wanted, frame.size_px), frame.pts_ns)
        heat = grid.heat()
        heat.flags.writeable = False
        return Findings.of(NAME, frame, measures=_measures(grid, heat), mask=Mask("heat", heat))

    def reset_counts(self) -> None:
        if self._grid is not None:
            self._grid.reset()
        self._legacy = None

    def adopt(self, previous: Any) -> None:
        """The map goes on when its detail or its half-life change; other classes begin anew."""
        if isinstance(previous, HeatMap) and previous._params.classes == self._params.classes:
            self._legacy = previous._grid or previous._legacy

    def _grid_for(self, size_px: tuple[int, int]) -> VisitGrid:
        columns = COLUMNS[self._params.detail]
        shape = (columns, min(max(1, round(columns * size_px[1] / size_px[0])), MOST_CELLS_HIGH * columns))
        if self._grid is None or shape != self._shape:
            half_life_s = self._params.half_life_min * 60 if self._params.memory == "half-life" else 0.0
            previous, self._grid, self._shape = self._grid or self._legacy, VisitGrid(shape, half_life_s), shape
            if previous is not None:
                self._grid.take_over(previous)
            self._legacy = None
        return self._grid


def _spots(detections: Sequence[Detection], size_px: tuple[int, int]) -> list[tuple[float, float, float]]:
    width, height = size_px
    return [
        ((d.box[0] + d.box[2]) / 2 / width, d.box[3] / height, RADIUS_SHARE * (d.box[2] - d.box[0]) / width) for d in detections
    ]


def _measures(grid: VisitGrid, heat: NDArray[np.uint8]) -> dict[str, object]:
    seconds = grid.seconds
    visited = heat >= VISITED_HEAT
    measures: dict[str, object] = {
        "presence_s": round(float(seconds.sum()), 1), "visited_share": round(float(visited.mean()), 3),
    }  # fmt: skip
    if visited.any():
        row, column = np.unravel_index(int(seconds.argmax()), seconds.shape)
        measures["busiest_x"] = round((float(column) + 0.5) / seconds.shape[1], 3)
        measures["busiest_y"] = round((float(row) + 0.5) / seconds.shape[0], 3)
    return measures


def _make(params: HeatMapParams, _resources: Resources) -> HeatMap:
    return HeatMap(params)


register(
    NAME,
    _make,
    kind="analyzer",
    label="Heat map",
    description="Colours the places where people spend their time.",
    group="Zones and counting",
    params=HeatMapParams,
    reads="multi_object_tracking",
    rate_hz=5.0,
    backend="numpy",
)
