"""Weight files: which are here, and what works better with others."""

from collections.abc import Iterator

from analyzers.object_detection import find_weights
from sightline.jobs.kinds.showcase.means import Means, showcase_means
from sightline.media.models import Model
from sightline.web.checks.line import Installation, Line, State

FETCH = "python -m sightline.media.models fetch"
DETECTOR = "yolox_nano"


def check_detectors(here: Installation) -> Iterator[Line]:
    """What finds objects and people: nearly everything builds on it."""
    path = find_weights(here.models, "auto")
    if path is not None:
        yield Line("detector", "Detector of objects", "ok", f"{path.name} is used where no other is chosen.")
        return
    changes = "Only people are found, poorly (HOG); vehicles and things are not, and rooms of a showcase mostly stay unknown."
    yield Line(
        "detector", "Detector of objects", "wrong", "No detector's weight file is on this machine.", changes,
        f"Download {DETECTOR} (4 MB) or a larger one.", f"{FETCH} {DETECTOR}", "models",
    )  # fmt: skip


def check_files(here: Installation) -> Iterator[Line]:
    """Every heading of the manifest: how many of its files are here, and damaged ones by name."""
    groups: dict[str, list[Model]] = {}
    for model in here.models.models():
        groups.setdefault(model.group or "Others", []).append(model)
    for group, models in groups.items():
        damaged = [model for model in models if _is_damaged(here, model)]
        missing = [model for model in models if here.models.find(model.file) is None]
        yield from (_damaged(model) for model in damaged)
        detail = f"{len(models) - len(missing)} of {len(models)} are here."
        name = f"models_{group.lower().replace(' ', '_')}"
        if not missing:
            yield Line(name, group, "ok", detail, page="models")
            continue
        wanted = ", ".join(model.name for model in missing)
        changes = f"Not here: {wanted}. The page tells what each is for; what needs none of them works."
        state: State = "better" if len(missing) == len(models) else "ok"
        yield Line(name, group, state, detail, changes, "Download those you need.", page="models")


def check_showcase(here: Installation) -> Iterator[Line]:
    """By what each look at footage is done here and now."""
    return map(_means_line, showcase_means(here.models))


def _means_line(means: Means) -> Line:
    detail = f"Done by {means.words}." if means.words != "not at all" else "Not done at all."
    if not means.better:
        return Line(f"showcase_{means.look}", means.label, "ok", detail)
    best = means.better[0]
    fetches = [command for command in best.commands if command.startswith(FETCH)]
    steps = (
        "Install the packages" if len(fetches) < len(best.commands) else "",
        f"fetch the weight file{'s' if len(fetches) > 1 else ''}" if fetches else "",
    )
    todo = " and ".join(step for step in steps if step)
    return Line(
        f"showcase_{means.look}", means.label, "better", detail, f"With {best.words}, {best.gives}.",
        f"{todo[0].upper()}{todo[1:]}.", " && ".join(best.commands), "models" if fetches else "",
    )  # fmt: skip


def _is_damaged(here: Installation, model: Model) -> bool:
    path = here.models.find(model.file)
    try:
        return path is not None and bool(model.url) and not model.is_size(path.stat().st_size)
    except FileNotFoundError:  # deleted this very moment
        return False


def _damaged(model: Model) -> Line:
    changes = f"It cannot be used: {model.purpose}"
    return Line(
        f"model_{model.name}", model.name, "wrong", f"{model.file} is damaged: it has a wrong size.", changes,
        "Delete it on the page Models and download it again.", page="models",
    )  # fmt: skip
