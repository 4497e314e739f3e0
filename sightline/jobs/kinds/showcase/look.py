"""Stage `look`: one decode of each clip tells its shots, and of each shot the room, the quality, the movement and the subject.

Its files: `shots.json` (see `Shot`), `pictures/<number>.jpg` (the best picture of each shot, for people to choose by), and the
same for each clip alone in `clip-<hash>/`.
A take without cuts is looked at in pieces of `LONGEST_S`, for it may lead through several rooms, and so memory
does not grow with the film.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from analyzers.object_detection import find_weights
from sightline.errors import AnalyzerError, Invalid, JobError
from sightline.jobs.contract import Work, WorkInput
from sightline.jobs.kinds.showcase.duplicates import Look, look_of
from sightline.jobs.kinds.showcase.movement import WIDTH_PX as FLOW_WIDTH_PX
from sightline.jobs.kinds.showcase.movement import Follower, Movement, Step, movement_of
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.quality import Judge, Quality, sharpness_of
from sightline.jobs.kinds.showcase.rooms import RoomFinder, RoomGuess
from sightline.jobs.kinds.showcase.shots import WINDOW, ShotFinder, is_dark
from sightline.media.findings import Detection
from sightline.media.footage import Footage, footage_of, frames_of
from sightline.media.frame import Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.vision.inference import Detector

STAGE = "look"
SMALL_PX, PICTURE_PX = 320, 640
"""Widths of what every frame is looked at in, and of what is kept for a closer look."""
PICTURE_EVERY_S = 0.25
LONGEST_S = 8.0
SLOW_FPS, LONGEST_OF_SLOW_S = 5.0, 2.0
"""With fewer frames per second every one differs, and no cut stands out: shorter pieces instead."""
LOOKS = 4
"""Pictures of a shot that are searched for objects."""
CONFIDENCE = 0.2
LEAST_SUBJECT_SCORE = 0.4


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame of an open shot."""

    number: int
    t_s: float
    step: Step | None
    picture: Image | None


@dataclass(frozen=True, slots=True)
class Take:
    """Frames that belong together."""

    begins: str
    """start, cut, fade or piece (a long take goes on)"""
    seen: tuple[Seen, ...]
    end_s: float
    """Time of the first frame after it."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot and all that was seen of it. Times are seconds in its clip."""

    input: int
    start_s: float
    end_s: float
    start_frame: int
    begins: str
    guess: RoomGuess
    objects: dict[str, float]
    """The best score of each kind of thing."""
    quality: Quality
    movement: Movement
    best_s: float
    """Where it is sharpest."""
    subject: tuple[tuple[float, float, float], ...]
    """Time, x and y (shares of the picture) of what it is about."""
    look: Look
    picture: str
    """File in the stage's folder."""


def look(work: Work) -> None:
    """Decode every clip once. What cannot be read is left out with a notice while others remain, unless `strict`.

    What was seen of a clip is kept in a folder of its own: a later attempt, or another machine that has it, does not look again.
    """
    params: ShowcaseParams = work.params
    clips = _readable(work, is_strict=params.strict)
    eyes: Eyes | None = None
    whole_s = sum(footage.duration_s for _, _, footage in clips) or 1.0
    before_s = 0.0
    try:
        for _, item, footage in clips:

            def tell(t_s: float, before_s: float = before_s, name: str = item.name) -> None:
                work.progress(min(1.0, (before_s + t_s) / whole_s), name)

            if not work.is_kept(clip_folder(item)):
                eyes = eyes or Eyes(work.models, params.model)
                _look_at(item.path, footage.fps, eyes, work.folder / clip_folder(item), tell)
                work.keep(clip_folder(item))
            before_s += footage.duration_s
    except AnalyzerError as err:
        raise JobError(f"The shots could not be looked at: {err.message}", code="analyzer_failed") from err
    shots, means = _joined(work.folder, [(number, clip_folder(item)) for number, item, _ in clips])
    if not shots:
        raise Invalid("All clips are black from beginning to end.", code="no_shots")
    if means["objects"] == "none":
        work.notice(
            "Rooms were told by sky and greenery only, because no detector's weight file is here or it was not wanted: most stay "
            "unknown. Fetch one with `python -m sightline.media.models fetch yolox_nano`."
        )
    write_shots(work.folder, shots, means)


def clip_folder(item: WorkInput) -> str:
    """Where in the stage's folder that is kept which was seen of one clip."""
    return f"clip-{item.sha256[:32]}"


def _look_at(path: Path, fps: float, eyes: "Eyes", folder: Path, tell: Callable[[float], None]) -> None:
    """See all shots of one clip, and write them down in `folder`, as those of input 0."""
    (folder / "pictures").mkdir(parents=True)
    shots: list[Shot] = []
    for take in takes(path, fps, tell):
        shots.append(eyes.see(0, take, folder, _picture(len(shots))))
    write_shots(folder, shots, eyes.means)


def _joined(folder: Path, clips: Sequence[tuple[int, str]]) -> tuple[list[Shot], dict[str, str]]:
    """The shots of all clips in order, their pictures numbered through, and what told what (as of the first clip)."""
    (folder / "pictures").mkdir()
    shots: list[Shot] = []
    told: list[dict[str, str]] = []
    for number, clip in clips:
        seen, means = read_shots(folder / clip)
        told.append(means)
        for shot in seen:
            picture = _picture(len(shots))
            (folder / picture).hardlink_to(folder / clip / shot.picture)
            shots.append(replace(shot, input=number, picture=picture))
    return shots, told[0]


def _picture(place: int) -> str:
    return f"pictures/{place + 1:04d}.jpg"


def takes(path: Path, fps: float, tell: Callable[[float], None]) -> Iterator[Take]:
    """The shots of one film, each as soon as it has ended, from one decode.

    Args:
        tell: called with the time of every frame.

    Raises:
        Invalid: `unreadable_video`.
    """
    finder, follower = ShotFinder(fps), Follower()
    longest_s = LONGEST_S if fps >= SLOW_FPS else LONGEST_OF_SLOW_S
    waiting: list[Seen] = []
    begins, next_picture_s, t_s = "start", 0.0, 0.0
    for number, frame in enumerate(frames_of(path)):
        t_s = frame.pts_ns / 1e9
        tell(t_s)
        small = shrink_to_width(frame.image, SMALL_PX)
        luma: Image = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
        cut = finder.see(small)
        is_over = is_dark(luma)
        ended, waiting = _split(waiting, cut)
        yield from _take(begins, ended, waiting[0].t_s if waiting else t_s)
        if ended:
            begins, next_picture_s = "cut", t_s
        if is_over:
            yield from _take(begins, waiting, t_s)
            waiting, begins, next_picture_s = [], "fade", t_s
            continue
        picture = shrink_to_width(frame.image, PICTURE_PX) if t_s >= next_picture_s else None
        next_picture_s = next_picture_s if picture is None else t_s + PICTURE_EVERY_S
        waiting.append(Seen(number, t_s, follower.see(shrink_to_width(luma, FLOW_WIDTH_PX), t_s), picture))
        if len(waiting) > WINDOW + 1 and t_s - waiting[0].t_s >= longest_s:
            # The last frames may turn out to be those of the next shot.
            yield from _take(begins, waiting[:-WINDOW], waiting[-WINDOW].t_s)
            waiting, begins, next_picture_s = waiting[-WINDOW:], "piece", t_s
    yield from _take(begins, waiting, t_s + 1 / fps)


def _split(waiting: list[Seen], cut: int | None) -> tuple[list[Seen], list[Seen]]:
    """Frames before and after a cut; nothing before where there is none."""
    if cut is None or not waiting or cut <= waiting[0].number:
        return [], waiting
    place = next((i for i, seen in enumerate(waiting) if seen.number >= cut), len(waiting))
    return waiting[:place], waiting[place:]


def _take(begins: str, seen: Sequence[Seen], end_s: float) -> Iterator[Take]:
    """One take, or none: a frame or two without a picture are what a cut left over of a piece."""
    if any(one.picture is not None for one in seen):
        yield Take(begins, tuple(seen), end_s)


class Eyes:
    """All that looks at a shot."""

    def __init__(self, models: ModelStore, model: str) -> None:
        """Raises: AnalyzerError: a weight file that is asked for by name is not here, or is damaged."""
        path = None if model == "none" else find_weights(models, model)
        self._detector = None if path is None else Detector(path)
        self._judge = Judge(models)
        self._rooms = RoomFinder(models)

    @property
    def has_objects(self) -> bool:
        return self._detector is not None

    @property
    def means(self) -> dict[str, str]:
        """What was told by what."""
        objects = "none" if self._detector is None else self._detector.name
        return {**self._judge.means, "rooms": self._rooms.means, "objects": objects}

    def see(self, number: int, take: Take, folder: Path, picture: str) -> Shot:
        """Look closer at a shot, and write its best picture to `folder`."""
        pictured = [(seen.t_s, seen.picture) for seen in take.seen if seen.picture is not None]
        chosen = _sharp_ones(pictured)
        images = [image for _, image in chosen]
        found = self._detector.detect_many(images, CONFIDENCE) if self._detector is not None else [[] for _ in images]
        best_s, best = max(chosen, key=lambda item: _sharpness(item[1]))
        cv2.imwrite(str(folder / picture), best, [cv2.IMWRITE_JPEG_QUALITY, 85])
        objects: dict[str, float] = {}
        for seen in (seen for one in found for seen in one):
            objects[seen.label] = max(objects.get(seen.label, 0.0), round(seen.score, 3))
        # The first step leads from the shot before into this one.
        steps = [seen.step for seen in take.seen if seen.step is not None][1:]
        return Shot(
            number, round(take.seen[0].t_s, 4), round(take.end_s, 4), take.seen[0].number, take.begins,
            self._rooms.find(images, found), objects, self._judge.judge(best), movement_of(steps), round(best_s, 4),
            tuple((round(t_s, 3), *subject_of(image, one)) for (t_s, image), one in zip(chosen, found, strict=True)),
            look_of(best), picture,
        )  # fmt: skip


def subject_of(image: Image, found: Sequence[Detection]) -> tuple[float, float]:
    """x and y (shares of the picture) of what a picture is about: people, else other things, else where the detail is."""
    height, width = image.shape[:2]
    sure = [seen for seen in found if seen.score >= LEAST_SUBJECT_SCORE]
    for wanted in ([seen for seen in sure if seen.label == "person"], sure):
        if wanted:
            boxes = np.array([seen.box for seen in wanted])
            weights = np.array([seen.score for seen in wanted]) * np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
            x, y = np.average((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0, weights=weights)
            return _share(x / width), _share(y / height)
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 2), cv2.CV_32F)) + 1e-3
    x = float((detail.sum(axis=0) * np.arange(width)).sum() / detail.sum() / max(1, width - 1))
    y = float((detail.sum(axis=1) * np.arange(height)).sum() / detail.sum() / max(1, height - 1))
    return _share(x), _share(y)


def write_shots(folder: Path, shots: Sequence[Shot], means: dict[str, str]) -> None:
    told = {"version": 1, "means": means, "shots": [asdict(shot) for shot in shots]}
    (folder / "shots.json").write_text(json.dumps(told), encoding="utf-8")


def read_shots(folder: Path) -> tuple[list[Shot], dict[str, str]]:
    """What stage `look` wrote, and what told what."""
    told: dict[str, Any] = json.loads((folder / "shots.json").read_text(encoding="utf-8"))
    return [_shot(item) for item in told["shots"]], told["means"]


def _shot(told: dict[str, Any]) -> Shot:
    made = {
        "guess": RoomGuess(**told["guess"]), "quality": Quality(**told["quality"]), "movement": Movement(**told["movement"]),
        "look": Look(told["look"]["bits"], tuple(told["look"]["colours"])),
        "subject": tuple((t_s, x, y) for t_s, x, y in told["subject"]),
    }  # fmt: skip
    return Shot(**{**told, **made})


def _readable(work: Work, *, is_strict: bool) -> list[tuple[int, WorkInput, Footage]]:
    clips, wrong = [], None
    for number, item in enumerate(work.inputs):
        try:
            clips.append((number, item, footage_of(item.path)))
        except Invalid as err:
            wrong = Invalid(f"{item.name}: {err.message}", code=err.code, input=item.name)
            if is_strict:
                raise wrong from err
            work.notice(f"{item.name} was left out. {err.message}")
    if not clips:
        raise wrong or Invalid("There is no clip to make a film of.", code="no_inputs")
    return clips


def _sharp_ones(pictured: Sequence[tuple[float, Image]]) -> list[tuple[float, Image]]:
    """The sharpest picture of each of `LOOKS` parts of a shot, in order."""
    bounds = np.linspace(0, len(pictured), min(LOOKS, len(pictured)) + 1).astype(int)
    return [max(pictured[a:b], key=lambda item: _sharpness(item[1])) for a, b in pairwise(bounds)]


def _sharpness(image: Image) -> float:
    return sharpness_of(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]


def _share(value: float) -> float:
    return round(float(np.clip(value, 0, 1)), 4)
