"""What a user may choose of a property showcase."""

from dataclasses import dataclass

from sightline.errors import Invalid
from sightline.media.stage import checked_param, param

MOST_NUMBERS = 500
ROOMS = (
    "exterior", "entrance", "living", "kitchen", "dining", "bedroom", "bathroom", "office", "laundry", "corridor", "stairs",
    "garage", "balcony", "pool", "garden", "view", "aerial",
)  # fmt: skip
"""Rooms that are told apart, in the order in which a film shows them."""
UNKNOWN = "unknown"


def check_numbers(value: object, name: str) -> str:
    """`3, 1, 12`, written evenly: numbers of shots as the results list them, from 1. Raises: Invalid."""
    wrong = Invalid(
        f"{name} must be numbers of shots with commas between them, such as 3, 1, 12, each once.", code="wrong_value", field=name
    )
    if not isinstance(value, str) or len(value) > MOST_NUMBERS * 8:
        raise wrong
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if len(parts) > MOST_NUMBERS or not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**6 for part in parts):
        raise wrong
    numbers = read_numbers(value)
    if len(set(numbers)) != len(numbers):
        raise wrong
    return ", ".join(map(str, numbers))


def read_numbers(text: str) -> tuple[int, ...]:
    """The numbers in `3, 1, 12`."""
    return tuple(int(part) for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class SelectParams:
    """What decides which shots are shown, and in which order."""

    target_s: float = param(
        45.0, "Length of the film", minimum=3.0, maximum=600.0, step=1.0, unit="s", help="At most about so long."
    )
    shot_s: float = param(
        3.0, "Length of a shot", minimum=1.0, maximum=8.0, step=0.5, unit="s", help="What is longer is shown in its best part only."
    )  # fmt: skip
    most_per_room: int = param(3, "Shots per room", minimum=1, maximum=20, help="At most so many shots of one kind of room.")
    least_score: float = param(
        0.25, "Least score", minimum=0.0, maximum=0.9, step=0.05, help="Worse shots are left out, unless they are pinned."
    )  # fmt: skip
    keep_unknown: bool = param(True, "Show what no room was recognised in", help="At the end, as far as there is time left.")
    pins: str = checked_param("", "Always show", check_numbers, help="Numbers of shots, as the results list them.")
    bans: str = checked_param("", "Never show", check_numbers, help="Numbers of shots, as the results list them.")
    order: str = checked_param(
        "", "Show in this order", check_numbers, help="Numbers of shots; the others follow in the order of rooms."
    )  # fmt: skip


@dataclass(frozen=True)
class ShowcaseParams(SelectParams):
    """And by what the footage is looked at: everything that asks for a second look."""

    strict: bool = param(False, "Every file must be readable", help="Otherwise damaged files are left out with a notice.")
    model: str = param(
        "auto", "Objects by", choices=("auto", "own", "yolo11n", "yolov8n", "yolox_nano", "yolox_s", "nanodet_m", "none"),
        help="auto takes the best detector whose weight file is here.",
    )  # fmt: skip
    shots_by: str = param(
        "auto", "Shots by", choices=("auto", "transnetv2", "adaptive"),
        help="transnetv2 finds fades and dissolves like cuts, and needs the extra [showcase]. auto takes it when it is here.",
    )  # fmt: skip
    rooms_by: str = param(
        "auto", "Rooms by", choices=("auto", "clip", "places365", "objects"),
        help="clip and places365 need their weight files. auto takes the best that is here.",
    )  # fmt: skip
    motion_by: str = param(
        "auto", "Movement by", choices=("auto", "raft", "dis"),
        help="raft needs its weight file, and is taken of its own accord on a GPU only: a processor works on it for minutes.",
    )  # fmt: skip
    duplicates_by: str = param(
        "auto", "Shots that show the same by", choices=("auto", "lpips", "hash"),
        help="lpips needs its weight files and the extra [showcase]. auto takes the best that is here.",
    )  # fmt: skip


def own_names(params: type) -> tuple[str, ...]:
    """Names of the parameters that a class adds to those of its base. What a stage `uses` is made from them: none can be missed."""
    return tuple(params.__annotations__)
