"""Plays the demo: who walks, drives and flies through the street, and when.

Everybody comes once in a cycle of 20 s and is gone for its last 6 s, so that motion begins and ends. One person waits for the
bus all the time, and the screen on the square always shows a face.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2

from sightline.live.sources.demo_backdrop import PAVEMENT_Y, ROAD_BOTTOM_Y, ROAD_Y, SCREEN, backdrop
from sightline.live.sources.demo_sprites import (
    BUS_SIZE,
    CAR_SIZE,
    DRONE_SIZE,
    HEIGHT_PX,
    PERSON_SIZE,
    WIDTH_PX,
    Sheet,
    Sprite,
    bus,
    car,
    drone,
    person,
    portrait,
)
from sightline.media.frame import Image

CYCLE_S = 20.0
BUSY_S = 14.0
"""From the beginning of a cycle; after that nobody moves."""
STEP_PHASES = 12
STEPS_PER_S = 0.9
"""Double steps."""
_PAN_PX = 18
"""How far the face on the screen drifts to each side, in scene coordinates."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who crosses the scene once in a cycle."""

    looks: tuple[Sprite, ...]
    looks_per_s: float
    begin_s: float
    duration_s: float
    path: Callable[[float], Place]
    """Upper left corner in scene coordinates at the moment 0..1 of the crossing."""


class Scene:
    """A moving scene of any size. `draw` depends on the number of the frame and on nothing else."""

    def __init__(self, width_px: int, height_px: int, fps: int) -> None:
        self._fps = fps
        self._x_scale, self._y_scale = width_px / WIDTH_PX, height_px / HEIGHT_PX
        self._scale = min(self._x_scale, self._y_scale)
        self._backdrop = backdrop(width_px, height_px)
        self._actors = self._cast()
        self._screen = tuple(round(v * s) for v, s in zip(SCREEN, (self._x_scale, self._y_scale) * 2, strict=True))
        self._pan_px = round(_PAN_PX * self._scale)
        waiting = person(0.25, (96, 62, 44), (52, 44, 40)).sprite(self._scale)
        self._place(self._backdrop, waiting, (1060.0, PAVEMENT_Y + 20 - PERSON_SIZE[1]))
        self._portrait = portrait(self._screen_width + 2 * self._pan_px, self._screen_height)
        self._caption(self._backdrop, "SIGHTLINE DEMO", 980, 56, 0.8)

    @property
    def _screen_width(self) -> int:
        return self._screen[2] - self._screen[0]

    @property
    def _screen_height(self) -> int:
        return self._screen[3] - self._screen[1]

    def draw(self, number: int) -> Image:
        """Picture `number`: `(H, W, 3)` BGR, the caller's own."""
        at_s = number / self._fps
        image = self._backdrop.copy()
        self._draw_screen(image, at_s)
        for actor in self._actors:
            moment = (at_s % CYCLE_S - actor.begin_s) / actor.duration_s
            if 0 <= moment <= 1:
                self._place(image, actor.looks[int(at_s * actor.looks_per_s) % len(actor.looks)], actor.path(moment))
        seconds = int(at_s)
        self._caption(image, f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}  #{number:06}", 980, 90, 0.7)
        return image

    def _draw_screen(self, image: Image, at_s: float) -> None:
        if self._portrait is None:
            return
        moment = min(1.0, at_s % CYCLE_S / BUSY_S)
        left = self._pan_px + round(self._pan_px * math.sin(2 * math.pi * moment))
        x1, y1, x2, y2 = self._screen
        image[y1:y2, x1:x2] = self._portrait[:, left : left + self._screen_width]

    def _place(self, image: Image, sprite: Sprite, place: Place) -> None:
        sprite.place(image, round(place[0] * self._x_scale), round(place[1] * self._y_scale))

    def _caption(self, image: Image, text: str, x: float, y: float, size: float) -> None:
        corner = (round(x * self._x_scale), round(y * self._y_scale))
        for color, thickness in (((30, 22, 20), 4), ((238, 240, 244), 1.6)):
            width = max(1, round(thickness * self._scale))
            cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size * self._scale, color, width, cv2.LINE_AA)

    def _cast(self) -> tuple[Actor, ...]:
        """All actors, the farthest first."""
        people_y, lane_1_y, lane_2_y = PAVEMENT_Y + 44 - PERSON_SIZE[1], ROAD_Y + 68 - BUS_SIZE[1], ROAD_BOTTOM_Y - 14 - CAR_SIZE[1]
        to_right = _way(-PERSON_SIZE[0], WIDTH_PX, people_y + 22)
        to_left = _way(WIDTH_PX, -PERSON_SIZE[0], people_y)
        near_lane = _way(-CAR_SIZE[0], WIDTH_PX, lane_2_y)
        far_lane = _way(WIDTH_PX, -BUS_SIZE[0], lane_1_y)
        pace = STEPS_PER_S * STEP_PHASES
        return (
            Actor((self._one(drone(0)), self._one(drone(1))), 15, 1.0, 12.0, _flight),
            Actor(self._walk((58, 46, 128), (74, 54, 44), mirrored=True), pace, 0.4, 13.4, to_left),
            Actor(self._walk((82, 70, 34), (44, 38, 40)), pace, 0.0, 13.6, to_right),
            Actor((self._one(bus(), mirrored=True),), 1, 3.2, 6.4, far_lane),
            Actor((self._one(car((60, 54, 200))),), 1, 0.6, 4.6, near_lane),
            Actor((self._one(car((196, 168, 84))),), 1, 8.4, 4.9, near_lane),
        )

    def _one(self, sheet: Sheet, *, mirrored: bool = False) -> Sprite:
        return sheet.sprite(self._scale, mirrored=mirrored)

    def _walk(self, coat: tuple[int, int, int], trousers: tuple[int, int, int], *, mirrored: bool = False) -> tuple[Sprite, ...]:
        return tuple(self._one(person(i / STEP_PHASES, coat, trousers), mirrored=mirrored) for i in range(STEP_PHASES))


def _way(from_x: float, to_x: float, y: float) -> Callable[[float], Place]:
    return lambda moment: (from_x + (to_x - from_x) * moment, y)


def _flight(moment: float) -> Place:
    x = WIDTH_PX + (-DRONE_SIZE[0] - WIDTH_PX) * moment
    return x + 60 * math.sin(7 * moment), 150 + 60 * math.sin(5 * moment) + 14 * math.sin(23 * moment)
