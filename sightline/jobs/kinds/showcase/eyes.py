"""All that looks at a shot, each by the best means that is here or by the one that was asked for (`means`)."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from analyzers.object_detection import find_weights
from sightline.jobs.kinds.showcase.clip_rooms import ClipRooms
from sightline.jobs.kinds.showcase.duplicates import look_of
from sightline.jobs.kinds.showcase.means import AESTHETIC_FILE, CLIP_FILE, CLIP_OPENAI_FILE, NIMA_FILE, RAFT_FILE, Way, choose
from sightline.jobs.kinds.showcase.movement import DisFlow, Follower, movement_of
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.quality import Judge, sharpness_of
from sightline.jobs.kinds.showcase.raft import RaftFlow
from sightline.jobs.kinds.showcase.rooms import RoomFinder
from sightline.jobs.kinds.showcase.shot import Shot
from sightline.jobs.kinds.showcase.shots import AdaptiveFinder, ShotFinder
from sightline.jobs.kinds.showcase.takes import Take
from sightline.jobs.kinds.showcase.taste import LaionAesthetic, Nima, Taste
from sightline.jobs.kinds.showcase.transnet import TransNet, TransNetFinder
from sightline.media.findings import Detection
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.vision.inference import Detector
from sightline.vision.weights import weights

LOOKED_AT = ("shots", "rooms", "motion", "aesthetic", "technical")
LOOKS = 4
"""Pictures of a shot that are searched for objects."""
CONFIDENCE = 0.2
LEAST_SUBJECT_SCORE = 0.4


class Eyes:
    """All that looks at a shot."""

    def __init__(self, models: ModelStore, params: ShowcaseParams, cache_dir: Path | None = None) -> None:
        """
        Args:
            cache_dir: where what models computed once is kept; None = nowhere.

        Raises:
            AnalyzerError: what is asked for by name is not here, or a weight file is damaged.
        """
        path = None if params.model == "none" else find_weights(models, params.model)
        wanted = {"shots": params.shots_by, "rooms": params.rooms_by, "motion": params.motion_by}
        self._ways = {look: choose(look, wanted.get(look, "auto"), models) for look in LOOKED_AT}
        self._detector = None if path is None else Detector(path)
        self._judge = Judge(models, _taste(self._ways["aesthetic"], models))
        self._rooms = _rooms(self._ways["rooms"], models, cache_dir)
        self._transnet = TransNet() if self._ways["shots"].name == "transnetv2" else None
        self._flow = RaftFlow(weights(models, RAFT_FILE)) if self._ways["motion"].name == "raft" else DisFlow()

    @property
    def means(self) -> dict[str, str]:
        """What was told by what."""
        objects = "none" if self._detector is None else self._detector.name
        return {**{look: way.words for look, way in self._ways.items()}, "objects": objects}

    def shot_finder(self, fps: float) -> ShotFinder:
        """What tells the shots of one film."""
        return AdaptiveFinder(fps) if self._transnet is None else TransNetFinder(self._transnet)

    def follower(self) -> Follower:
        """What follows the camera of one film."""
        return Follower(self._flow)

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
            masses = np.array([seen.score for seen in wanted]) * np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
            x, y = np.average((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0, weights=masses)
            return _share(x / width), _share(y / height)
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 2), cv2.CV_32F)) + 1e-3
    x = float((detail.sum(axis=0) * np.arange(width)).sum() / detail.sum() / max(1, width - 1))
    y = float((detail.sum(axis=1) * np.arange(height)).sum() / detail.sum() / max(1, height - 1))
    return _share(x), _share(y)


def _rooms(way: Way, models: ModelStore, cache_dir: Path | None) -> RoomFinder:
    if way.name == "clip":
        return RoomFinder(by_clip=ClipRooms(weights(models, CLIP_FILE), cache_dir))
    return RoomFinder.of_places365(models) if way.name == "places365" else RoomFinder()


def _taste(way: Way, models: ModelStore) -> Taste | None:
    if way.name == "nima":
        return Nima(weights(models, NIMA_FILE))
    return LaionAesthetic(weights(models, CLIP_OPENAI_FILE), weights(models, AESTHETIC_FILE)) if way.name == "laion" else None


def _sharp_ones(pictured: Sequence[tuple[float, Image]]) -> list[tuple[float, Image]]:
    """The sharpest picture of each of `LOOKS` parts of a shot, in order."""
    bounds = np.linspace(0, len(pictured), min(LOOKS, len(pictured)) + 1).astype(int)
    return [max(pictured[a:b], key=lambda item: _sharpness(item[1])) for a, b in pairwise(bounds)]


def _sharpness(image: Image) -> float:
    return sharpness_of(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]


def _share(value: float) -> float:
    return round(float(np.clip(value, 0, 1)), 4)
