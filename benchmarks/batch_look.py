"""Cuts, rooms and decode passes of the showcase's first stage, on films whose cuts and rooms are known.

`python -m benchmarks.batch_look`, or as part of `python -m benchmarks.batch`: with every detector whose weight file is here and
without any. Thresholds for objects were set beforehand; those for sky and lawn with all photographs of houses in view, also those
of the houses of the slideshow, so its figure is not one of unseen footage.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from analyzers.object_detection import find_weights
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.look import CONFIDENCE, Eyes, Shot, Take, takes
from sightline.jobs.kinds.showcase.rooms import RoomFinder
from sightline.media import footage
from sightline.media.footage import footage_of
from sightline.media.models import ModelStore
from sightline.vision.inference import Detector

DETECTORS = ("yolox_nano", "yolov8n", "none")
TARGETED = ("yolox_nano", "yolov8n")
SLIDESHOW = "houses_slideshow.mp4"
CUTS = {"bikes_6_shots.mp4": (0, 30, 76, 137, 187, 242)}
OTHER_ROOMS = {"bedroom_children.mp4": "bedroom", "kitchen_cooking.mkv": "kitchen"}
ROOM_NAMES = {"frontal": "exterior"}
NEAR = 2
"""Frames by which a cut may be off."""
ROOMS_WANTED = 0.8


def main() -> None:
    report("batch_look", *look_figures())


def look_figures() -> tuple[list[Figure], dict[str, object]]:
    """All figures of cuts and rooms."""
    if not (ASSETS / "video" / SLIDESHOW).is_file():
        fail(f"{SLIDESHOW} is not in {ASSETS / 'video'}")
    known = json.loads((ASSETS / "groundtruth" / "houses_slideshow.json").read_text())["shots"]
    films = {SLIDESHOW: tuple(shot["start_frame"] for shot in known), **CUTS}
    figures = [one for name, cuts in films.items() for one in _cuts(name, cuts)]
    notes: dict[str, object] = {"rooms by CLIP": "open: no such weights here"}
    for model in DETECTORS:
        if model != "none" and not _has(model):
            notes[f"rooms with {model}"] = "not measured: its weight file is not here"
            continue
        shots, took_s = _shots(SLIDESHOW, model)
        right, unknown, wrong = _judged(shots, known)
        if model in TARGETED:
            figures.append(Figure(f"rooms right, {model}", right / len(known), "of 11", "the shots", ROOMS_WANTED, "higher", 1.0))
        notes[f"slideshow, {model}"] = (
            f"{right} right, {unknown} unknown, wrong: {wrong or 'none'}; {took_s:.1f} s for 22 s of film"
        )
        notes[f"photographs of houses 10, 20, 47, {model}"] = _photographs(model)
        for name, room in OTHER_ROOMS.items():
            said = [shot.guess.room for shot in _shots(name, model)[0]]
            notes[f"{name} ({room}), {model}"] = ", ".join(said)
    return figures, notes


def _cuts(name: str, cuts: tuple[int, ...]) -> Iterator[Figure]:
    counted = 0
    decoded = footage._decoded

    def counting(*args: Any) -> Iterator[Any]:
        nonlocal counted
        for frame in decoded(*args):
            counted += 1
            yield frame

    footage._decoded = counting
    try:
        path = ASSETS / "video" / name
        found: list[Take] = list(takes(path, footage_of(path).fps, lambda _t_s: None))
    finally:
        footage._decoded = decoded
    starts = [take.seen[0].number for take in found]
    frames = found[-1].seen[-1].number + 1
    hits = sum(any(abs(start - cut) <= NEAR for start in starts) for cut in cuts)
    yield Figure(f"shots found within ±{NEAR} frames, {name}", hits, "shots", "known", len(cuts), "higher", 1.0)
    yield Figure(f"shots told, {name}", len(starts), "shots", "known", len(cuts), "lower", 1.0)
    # One more than the film has: the first frame is looked at to see whether the file can be read at all.
    yield Figure(f"frames decoded, {name}", counted, "frames", "the film's", frames, "lower", 1.01)


def _shots(name: str, model: str) -> tuple[list[Shot], float]:
    path, began_s = ASSETS / "video" / name, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        eyes = Eyes(_store(), model)
        found = takes(path, footage_of(path).fps, lambda _t_s: None)
        shots = [eyes.see(0, take, Path(folder), f"{n}.jpg") for n, take in enumerate(found)]
    return shots, time.monotonic() - began_s


def _judged(shots: list[Shot], known: list[dict[str, Any]]) -> tuple[int, int, list[str]]:
    right, unknown, wrong = 0, 0, []
    for truth in known:
        room = ROOM_NAMES.get(truth["room"], truth["room"])
        shot = min(shots, key=lambda one: abs(one.start_frame - truth["start_frame"]))
        right += shot.guess.room == room
        unknown += shot.guess.room == "unknown"
        if shot.guess.room not in (room, "unknown"):
            wrong.append(f"{room} of house {truth['house']} as {shot.guess.room}")
    return right, unknown, wrong


def _photographs(model: str) -> str:
    path = None if model == "none" else find_weights(_store(), model)
    detector, rooms = None if path is None else Detector(path), RoomFinder(_store())
    right, unknown, wrong = 0, 0, []
    photos = [photo for house in (10, 20, 47) for photo in sorted((ASSETS / "images" / "houses").glob(f"{house}_*.jpg"))]
    for photo in photos:
        image = cv2.imread(str(photo))
        said = rooms.find([image], [detector.detect(image, CONFIDENCE) if detector else []]).room  # type: ignore[list-item,arg-type]
        true = ROOM_NAMES.get(photo.stem.split("_")[1], photo.stem.split("_")[1])
        right += said == true
        unknown += said == "unknown"
        wrong += [f"{photo.stem} as {said}"] if said not in (true, "unknown") else []
    return f"{right} of {len(photos)} right, {unknown} unknown, wrong: {wrong or 'none'}"


def _store() -> ModelStore:
    return ModelStore(ASSETS / "models", ASSETS / "weights")


def _has(model: str) -> bool:
    try:
        return find_weights(_store(), model) is not None
    except AnalyzerError:
        return False


if __name__ == "__main__":
    main()
