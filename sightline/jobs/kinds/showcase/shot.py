"""What stage `look` tells of a shot, and its file `shots.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sightline.jobs.kinds.showcase.duplicates import Look
from sightline.jobs.kinds.showcase.movement import Movement
from sightline.jobs.kinds.showcase.quality import Quality
from sightline.jobs.kinds.showcase.rooms import RoomGuess

FILE = "shots.json"


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot and all that was seen of it. Times are seconds in its clip."""

    input: int
    start_s: float
    end_s: float
    start_frame: int
    begins: str
    """start, cut, dissolve, fade or piece (a long take goes on)"""
    guess: RoomGuess
    objects: dict[str, float]
    """The best score of each kind of thing."""
    quality: Quality
    movement: Movement
    best_s: float
    """Where it is sharpest: the middle of what the film shows of it."""
    subject: tuple[tuple[float, float, float], ...]
    """Time, x and y (shares of the picture) of what it is about."""
    look: Look
    picture: str
    """File in the stage's folder."""
    same_as: tuple[int, ...] = ()
    """Numbers (from 1) of earlier shots of the same room that show nearly the same."""


def write_shots(folder: Path, shots: Sequence[Shot], means: dict[str, str]) -> None:
    told = {"version": 1, "means": means, "shots": [asdict(shot) for shot in shots]}
    (folder / FILE).write_text(json.dumps(told), encoding="utf-8")


def read_shots(folder: Path) -> tuple[list[Shot], dict[str, str]]:
    """What stage `look` wrote, and what told what."""
    told: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return [_shot(item) for item in told["shots"]], told["means"]


def _shot(told: dict[str, Any]) -> Shot:
    made = {
        "guess": RoomGuess(**told["guess"]), "quality": Quality(**told["quality"]), "movement": Movement(**told["movement"]),
        "look": Look(told["look"]["bits"], tuple(told["look"]["colours"])),
        "subject": tuple((t_s, x, y) for t_s, x, y in told["subject"]), "same_as": tuple(told["same_as"]),
    }  # fmt: skip
    return Shot(**{**told, **made})
