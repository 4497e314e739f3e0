"""Face recognition: every known face under its own name and nobody else's, with the threshold published with the model.

Leave one out: each face of two public figures is asked for while the other pictures of both are enrolled. Strangers: each face
while only the other person is enrolled, and the faces of people in films while both are. One look decides here; the product
asks several. `python -m benchmarks.accuracy.faces`
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.media.frame import BgrPicture, Frame
from sightline.media.gallery import KnownFace, people_of
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.faces import FaceEmbedder, align, flaw

PEOPLE: dict[str, tuple[str, ...]] = {
    "biden.jpg": ("Biden",),
    "biden2.jpg": ("Biden",),
    "obama.jpg": ("Obama",),
    "obama2.jpg": ("Obama",),
    "obama3.jpg": ("Obama",),
    "obama_and_biden.jpg": ("Biden", "Obama"),
    "obama_partial_face.jpg": ("Obama",),
    "two_people.jpg": ("Obama", "Biden"),
}
"""Whose faces are in each picture, from left to right."""
FILMS = ("talking_head_speech.mp4", "face_closeup.mp4", "bedroom_children.mp4", "indoor_person_one_by_one.mp4")
EVERY_FRAMES = 20
LEAST_SCORE = 0.7


@dataclass(frozen=True, slots=True)
class Look:
    """One face."""

    whose: str
    """Empty: a stranger."""
    where: str
    vector: Any


class Eyes:
    """The product's own way from a picture to embeddings."""

    def __init__(self, weights: Path) -> None:
        analyzers.load(entry_points=False)
        resources = Resources(ModelStore(Path("none"), weights))
        info, recognition = stage("face_detection"), stage("face_recognition")
        self.params = recognition.params()
        self._detector = info.factory(make_params(info, {"eyes_and_smile": False}), resources)
        self._embedder = FaceEmbedder.open(resources.models)
        self.model = self._embedder.model

    def faces(self, image: Any) -> list[tuple[Any, Any]]:
        """Each face that may be judged, from left to right, with its embedding."""
        frame = Frame("picture", 1, 0, 0, 0.0, BgrPicture(image))
        found = [face for face in self._detector.analyze([frame])[0].detections if face.score >= LEAST_SCORE]
        usable = []
        for face in sorted(found, key=lambda face: face.box[0]):
            crop = align(image, face.keypoints)
            if not flaw(face, crop, self.params.min_face_px):
                usable.append((face, self._embedder.embed(crop.pixels)))
        return usable


def known_looks(eyes: Eyes) -> Iterator[Look]:
    for name, people in PEOPLE.items():
        image = cv2.imread(str(ASSETS / "images" / "faces" / name))
        found = eyes.faces(image)
        if len(found) != len(people):
            fail(f"{name}: {len(found)} faces found, {len(people)} are in it")
        for person, (_, vector) in zip(people, found, strict=True):
            yield Look(person, name, vector)


def strangers(eyes: Eyes) -> Iterator[Look]:
    for name in FILMS:
        video, number = cv2.VideoCapture(str(ASSETS / "video" / name)), 0
        while video.grab():
            if number % EVERY_FRAMES == 0:
                for _, vector in eyes.faces(video.retrieve()[1]):
                    yield Look("", name, vector)
            number += 1
        video.release()


def _people(looks: list[Look], model: str) -> Any:
    ids = {name: number for number, name in enumerate(sorted({look.whose for look in looks}))}
    return people_of([KnownFace(ids[look.whose], look.whose, model, look.vector) for look in looks], model)


def figures() -> list[Figure]:
    """What `benchmarks.accuracy` prints; each with the published threshold as it is in the product."""
    return _measure()[0]


def _measure() -> tuple[list[Figure], dict[str, object]]:
    weights = ASSETS / "weights"
    if not (weights / "mobilefacenet.onnx").is_file():
        fail(f"mobilefacenet.onnx is not in {weights}")
    eyes = Eyes(weights)
    looks, others = list(known_looks(eyes)), list(strangers(eyes))
    threshold, margin = eyes.model.threshold, eyes.params.margin
    right, lowest, thinnest = 0, 1.0, 2.0
    for look in looks:
        rest = _people([other for other in looks if other is not look], eyes.model.name)
        match, best = rest.match(look.vector, threshold, margin), rest.best(look.vector)
        right += match is not None and match.name == look.whose
        lowest, thinnest = min(lowest, best.similarity), min(thinnest, best.margin)
    refused, highest = [], -1.0
    for look in [*looks, *others]:
        rest = _people([other for other in looks if other.whose != look.whose], eyes.model.name)
        refused.append(rest.match(look.vector, threshold, margin) is None)
        highest = max(highest, rest.best(look.vector).similarity)
    published = f"threshold published with {eyes.model.name}"
    made = [
        Figure("identities right", right / len(looks), "share", "all", 1.0, "higher", 1.0),
        Figure("strangers refused", float(np.mean(refused)), "share", "all", 1.0, "higher", 1.0),
        Figure("least similar own picture", lowest, "cosine", published, threshold, "higher", 1.0),
        Figure("most similar stranger", highest, "cosine", published, threshold, "lower", 1.0),
        Figure("thinnest margin to the other person", thinnest, "cosine", "margin of the product", margin, "higher", 1.0),
    ]
    return made, {"faces of known people": len(looks), "looks at strangers": len(refused), "model": eyes.model.name}


def main() -> None:
    made, notes = _measure()
    report("accuracy_faces", made, notes)


if __name__ == "__main__":
    main()
