"""Cuts, rooms and decode passes of the showcase's first stage, on films whose cuts and rooms are known.

`python -m benchmarks.batch_look`, or as part of `python -m benchmarks.batch`: with every detector whose weight file is here and
without any. Thresholds for objects were set beforehand; those for sky and lawn with all photographs of houses in view, also those
of the houses of the slideshow, so its figure is not one of unseen footage.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2

from analyzers.object_detection import find_weights
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.eyes import CONFIDENCE, Eyes
from sightline.jobs.kinds.showcase.means import choose
from sightline.jobs.kinds.showcase.movement import DisFlow, Follower
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.rooms import RoomFinder
from sightline.jobs.kinds.showcase.shot import Shot
from sightline.jobs.kinds.showcase.shots import AdaptiveFinder, ShotFinder
from sightline.jobs.kinds.showcase.takes import Take, takes
from sightline.jobs.kinds.showcase.transnet import TransNet, TransNetFinder
from sightline.media import footage
from sightline.media.ffmpeg import quiet
from sightline.media.footage import footage_of
from sightline.media.models import ModelStore
from sightline.vision.inference import Detector

DETECTORS = ("yolox_nano", "yolov8n", "none")
TARGETED = ("yolox_nano", "yolov8n")
SLIDESHOW = "houses_slideshow.mp4"
CUTS = {"bikes_6_shots.mp4": (0, 30, 76, 137, 187, 242)}
OTHER_ROOMS = {"bedroom_children.mp4": "bedroom", "kitchen_cooking.mkv": "kitchen"}
DISSOLVED = ("5_kitchen", "33_bathroom", "47_frontal", "20_bedroom", "10_kitchen", "1_bathroom")
DISSOLVES_S = (0.4, 0.8, 1.5)
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
    finders = _finders()
    figures = [one for name, cuts in films.items() for by in finders for one in _cuts(name, cuts, by, finders[by])]
    notes: dict[str, object] = {"rooms by CLIP": "open: no such weights here", "shots by": ", ".join(finders)}
    notes["dissolves found"] = {by: _dissolves(finder) for by, finder in finders.items()}
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


def _finders() -> dict[str, Callable[[float], ShotFinder]]:
    """Makers of what tells shots here, by name."""
    finders: dict[str, Callable[[float], ShotFinder]] = {"adaptive": AdaptiveFinder}
    if choose("shots", "auto", _store()).name == "transnetv2":
        network = TransNet()
        finders["transnetv2"] = lambda _fps: TransNetFinder(network)
    return finders


def _dissolves(finder: Callable[[float], ShotFinder]) -> str:
    """Of films made of photographs over which a camera pans, one for each length of dissolve."""
    told = []
    for length_s in DISSOLVES_S:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            known = _dissolving_film(path, length_s)
            found = list(takes(path, 25.0, finder(25.0), Follower(DisFlow()), lambda _t_s: None))
        gaps = [(before.seen[-1].number, after.seen[0].number) for before, after in pairwise(found)]
        right = sum(any(first < end and last > begin for first, last in gaps) for begin, end in known)
        told.append(f"{right} of {len(known)} of {length_s:g} s ({len(gaps)} told)")
    return ", ".join(told)


def _dissolving_film(path: Path, length_s: float) -> list[tuple[int, int]]:
    """Shots of 3 s; the frames between which each gives way to the next."""
    inputs, graph, last = [], [], "v0"
    for place, name in enumerate(DISSOLVED):
        inputs += ["-loop", "1", "-framerate", "25", "-t", "3", "-i", str(ASSETS / "images" / "houses" / f"{name}.jpg")]
        graph.append(f"[{place}]scale=480:360,setsar=1,fps=25,crop=400:225:'80*t/3':60,format=yuv420p[v{place}]")
    begins = [place * (3 - length_s) for place in range(1, len(DISSOLVED))]
    for place, begin_s in enumerate(begins, 1):
        graph.append(f"[{last}][v{place}]xfade=duration={length_s}:offset={begin_s}[x{place}]")
        last = f"x{place}"
    command = quiet(*inputs, "-filter_complex", ";".join(graph), "-map", f"[{last}]", "-preset", "veryfast", str(path))
    subprocess.run(command, check=True, capture_output=True)
    return [(round(25 * begin_s), round(25 * (begin_s + length_s))) for begin_s in begins]


def _cuts(name: str, cuts: tuple[int, ...], by: str, finder: Callable[[float], ShotFinder]) -> Iterator[Figure]:
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
        fps = footage_of(path).fps
        found: list[Take] = list(takes(path, fps, finder(fps), Follower(DisFlow()), lambda _t_s: None))
    finally:
        footage._decoded = decoded
    starts = [take.seen[0].number for take in found]
    frames = found[-1].seen[-1].number + 1
    hits = sum(any(abs(start - cut) <= NEAR for start in starts) for cut in cuts)
    yield Figure(f"shots found within ±{NEAR} frames, {name}, {by}", hits, "shots", "known", len(cuts), "higher", 1.0)
    yield Figure(f"shots told, {name}, {by}", len(starts), "shots", "known", len(cuts), "lower", 1.0)
    # One more than the film has: the first frame is looked at to see whether the file can be read at all.
    yield Figure(f"frames decoded, {name}, {by}", counted, "frames", "the film's", frames, "lower", 1.01)


def _shots(name: str, model: str) -> tuple[list[Shot], float]:
    path, began_s = ASSETS / "video" / name, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        eyes, fps = Eyes(_store(), ShowcaseParams(model=model, shots_by="adaptive")), footage_of(path).fps
        found = takes(path, fps, eyes.shot_finder(fps), eyes.follower(), lambda _t_s: None)
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
    detector, rooms = None if path is None else Detector(path), RoomFinder()
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
