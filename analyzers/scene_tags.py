"""Scene: a few words about what the camera looks at. 3 ms per look without a model.

Light, colour, contrast and activity are measured, always. The place comes from an image classifier when its weight file is here:
Places365 (`places365.onnx` with its list of names, to be exported by the operator), else MobileNetV2 or PP-ResNet50 of the OpenCV
model zoo, whose ImageNet classes know some thirty places. A word counts when it has lasted; a change from one to another is told
(`scene.changed`). What was measured and what a model guesses is kept apart. One instance per camera.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.findings import Findings, Happening
from sightline.media.frame import Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, param, register
from sightline.vision.inference import IMAGENET_RGB, Classifier
from sightline.vision.scene import Aspect, Measured, measured, places_of_imagenet, read_places365, small_picture
from sightline.vision.weights import weights

PLACES_FILE, PLACES_NAMES, PLACES_SIDES = "places365.onnx", "categories_places365.txt", "IO_places365.txt"
IMAGENET_FILES = {
    "mobilenetv2": "image_classification_mobilenetv2_2022apr.onnx",
    "ppresnet50": "image_classification_ppresnet50_2022jan.onnx",
}
IMAGENET_CLASSES = tuple(map(str, range(1000)))
CALM_S = 4.0
"""Time in which the score of a place goes two thirds of the way to its newest value."""
FORGET_AFTER_S = 30.0
PLACES_LISTED, LEAST_LISTED = 3, 0.05
UNCLEAR = "unclear"

Guesses = dict[str, float]
"""Score 0..1 by word."""
Look = Callable[[Image], Guesses]

SAID = {
    "light": "The light changed from {} to {}",
    "colour": "The picture changed from {} to {}",
    "clarity": "The picture changed from {} to {}",
    "place": "The scene looks like {1}, no longer like {0}",
}
"""What is told of a change; how busy a scene is changes all the time."""


@dataclass(frozen=True)
class SceneParams:
    model: str = param(
        "auto", "Places by", choices=("auto", "none", "mobilenetv2", "ppresnet50", "places365"),
        help="auto: the best whose weight file is here. none: only what can be measured.",
    )  # fmt: skip
    hold_s: float = param(8.0, "Tell after", minimum=2.0, maximum=300.0, step=1.0, unit="s", help="A change must last so long.")
    confidence: float = param(0.25, "Confidence", minimum=0.05, maximum=0.9, step=0.05, help="Less certain places are not named.")


class SceneTags:
    """Describes the scene of one camera."""

    def __init__(self, params: SceneParams, model: str, look: Look | None) -> None:
        self._params = params
        self._model = model
        self._guess = look
        self._aspects = {name: Aspect(params.hold_s) for name in (*(spec.name for spec in fields(Measured)), "place")}
        self._places: Guesses = {}
        self._small: Image | None = None
        self._pts_ns: int | None = None

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        elapsed_s = None if self._pts_ns is None else (frame.pts_ns - self._pts_ns) / 1e9
        if elapsed_s is not None and not 0 <= elapsed_s <= FORGET_AFTER_S:
            elapsed_s, self._small = None, None
        small = small_picture(frame.image)
        seen = measured(small, self._small)
        self._small, self._pts_ns = small, frame.pts_ns
        words = {spec.name: getattr(seen, spec.name) for spec in fields(Measured)}
        if self._guess is not None:
            self._places = calmed(self._places if elapsed_s is not None else {}, self._guess(frame.image), elapsed_s or 0.0)
            words["place"] = self._best_place()
        changes = {name: change for name, word in words.items() if (change := self._aspects[name].see(word, frame.pts_ns))}
        happenings = tuple(
            Happening("scene.changed", SAID[name].format(*change), {"aspect": name, "before": change[0], "now": change[1]})
            for name, change in changes.items()
            if name in SAID
        )
        return Findings.of("scene_tags", frame, measures=self._measures(), happenings=happenings)

    def _best_place(self) -> str:
        best = max(self._places, key=lambda place: self._places[place], default=UNCLEAR)
        return best if self._places.get(best, 0.0) >= self._params.confidence else UNCLEAR

    def _measures(self) -> dict[str, object]:
        words = {name: aspect.word for name, aspect in self._aspects.items() if aspect.word}
        tags = [_scored(word, self._score(name, word)) for name, word in words.items() if word != UNCLEAR]
        measures: dict[str, object] = {**words, "tags": tags, "model": self._model}
        if self._guess is not None:
            likely = sorted(self._places.items(), key=lambda item: -item[1])[:PLACES_LISTED]
            measures["places"] = [_scored(place, score) for place, score in likely if score >= LEAST_LISTED]
        return measures

    def _score(self, name: str, word: str) -> float:
        """A measured word: how many of the last looks agree on it. A place: how likely the model holds it."""
        return self._places.get(word, 0.0) if name == "place" else self._aspects[name].score_of(word)


def _scored(word: str, score: float) -> dict[str, object]:
    return {"label": word, "score": round(score, 3)}


def calmed(before: Guesses, now: Guesses, elapsed_s: float) -> Guesses:
    """Scores on their way from the earlier to the newest ones."""
    if not before:
        return now
    share = 1 - float(np.exp(-elapsed_s / CALM_S))
    return {place: before.get(place, 0.0) + (score - before.get(place, 0.0)) * share for place, score in now.items()}


def imagenet_places(models: ModelStore, name: str) -> Look:
    """Raises: AnalyzerError."""
    classifier = Classifier.open(weights(models, IMAGENET_FILES[name]), IMAGENET_RGB, IMAGENET_CLASSES, crops_centre=True)
    return lambda image: places_of_imagenet(classifier.probabilities([image])[0])


def places365(models: ModelStore) -> Look:
    """Raises: AnalyzerError."""
    path, listed = models.find(PLACES_FILE), models.find(PLACES_NAMES)
    if path is None or listed is None:
        raise AnalyzerError(
            f"{PLACES_FILE} and {PLACES_NAMES} are not both on this machine. Nobody publishes them as ONNX: export a Places365 "
            "classifier (1×3×224×224 RGB, 365 classes) and put both files into MODELS_DIR, or choose another model.",
            code="model_missing",
        )
    names, indoors = read_places365(listed, models.find(PLACES_SIDES))
    classifier = Classifier.open(path, IMAGENET_RGB, names)
    inside = np.array([is_inside is True for is_inside in indoors])
    outside = np.array([is_inside is False for is_inside in indoors])

    def look(image: Image) -> Guesses:
        probabilities = classifier.probabilities([image])[0]
        guesses = {name: float(score) for name, score in zip(names, probabilities, strict=True)}
        # A place that is not certain is often surely inside or outside.
        sides = {"indoors": float(probabilities[inside].sum()), "outdoors": float(probabilities[outside].sum())}
        return guesses | {side: score * 0.5 for side, score in sides.items() if score}

    return look


def _model_for(models: ModelStore, wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if models.find(PLACES_FILE) is not None and models.find(PLACES_NAMES) is not None:
        return "places365"
    return next((name for name, file in IMAGENET_FILES.items() if models.find(file) is not None), "none")


def _make(params: SceneParams, resources: Resources) -> SceneTags:
    model = _model_for(resources.models, params.model)
    if model == "none":
        return SceneTags(params, "none: only what can be measured", None)
    look = places365(resources.models) if model == "places365" else imagenet_places(resources.models, model)
    return SceneTags(params, model, look)


register(
    "scene_tags",
    _make,
    kind="analyzer",
    label="Scene",
    description="Says in a few words what the scene is like: light, colour, contrast, activity; with a weight file also the place.",
    params=SceneParams,
    group="Scene and text",
    rate_hz=1.0,
    licence="Apache-2.0",
    backend="OpenCV; image classifiers through onnxruntime",
)
