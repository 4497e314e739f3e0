"""What a user may choose of an annotation package."""

from dataclasses import dataclass

from sightline.errors import Invalid
from sightline.media.stage import LONGEST_TEXT, checked_param, param

MODELS = ("auto", "own", "yolo11n", "yolov8n", "yolox_nano", "yolox_s", "nanodet_m", "hog")
MOST_ACTIONS = 200


def check_actions(value: object, name: str) -> str:
    """`walk, sit down`, written evenly. Raises: Invalid."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT * 10:
        raise Invalid(f"{name} must be a line of text such as “walk, sit down”.", code="wrong_type", field=name)
    actions = read_actions(value)
    wrong = [action for action in actions if not action.isprintable() or set(action) & set('"\\<>&')]
    if wrong or len(set(actions)) != len(actions) or len(actions) > MOST_ACTIONS:
        raise Invalid(
            f"{name} must be up to {MOST_ACTIONS} different names with commas between them, without quotes and angle brackets.",
            code="wrong_value", field=name,
        )  # fmt: skip
    return ", ".join(actions)


def read_actions(text: str) -> tuple[str, ...]:
    """The names in `walk, sit down`."""
    return tuple(" ".join(part.split()) for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class AnnotationParams:
    width_px: int = param(1280, "Width", minimum=64, maximum=3840, step=2, unit="px", help="Bars fill what the film does not.")
    height_px: int = param(720, "Height", minimum=64, maximum=2160, step=2, unit="px")
    clip_s: float = param(15.0, "Length of a clip", minimum=1.0, maximum=600.0, step=1.0, unit="s")
    keep_tail: bool = param(True, "Keep the shorter clip at the end")
    fps: float = param(
        1.0, "Frames per second", minimum=0.1, maximum=60.0, step=0.1,
        help="So many pictures of each second are in the package; people are followed in all of them all the same.",
    )  # fmt: skip
    confidence: float = param(
        0.4, "Confidence", minimum=0.1, maximum=0.95, step=0.05,
        help="Who was found with this confidence is followed; after that less is enough.",
    )  # fmt: skip
    model: str = param("auto", "Model", choices=MODELS, help="auto takes the best one whose weight file is here; hog needs none.")
    also: tuple[str, ...] = param(
        ("manifest",), "Besides", choices=("manifest", "cvat", "tracking", "ava"),
        help="manifest: sources, sizes, hashes. cvat: XML 1.1 tracks. tracking: all boxes as JSON. ava: csv and action list.",
    )  # fmt: skip
    actions: str = checked_param(
        "", "Actions", check_actions, help="What annotators will choose from, e.g. walk, sit down; for cvat and ava."
    )
