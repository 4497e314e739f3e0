"""The extension folder: one file per filter or analyzer.

`load()` is called once by each process that needs stages (engine, web, benchmarks, tests). Importing a stage's file registers it;
no model is loaded by that. Third parties' packages enter through the entry-point group `sightline.stages`.
"""

import importlib
import logging
import threading
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from sightline.media.stage import put_first

log = logging.getLogger(__name__)

BUILTIN = (
    "motion_detection",
    "face_detection",
    "face_recognition",
    "expression",
    "object_detection",
    "detector_comparison",
    "object_tracking",
    "multi_object_tracking",
    "zones",
    "heat_map",
    "speed",
    "pose_estimation",
    "hands",
    "face_mesh",
    "person_segmentation",
    "scene_tags",
    "codes",
    "text_reading",
    "number_plates",
    "camera_health",
    "sound",
    "advanced_analysis",
    "privacy_faces",
    "privacy_people",
    "privacy_plates",
    # Where the camera points comes first: all that compares a picture with the one before does better on a calm one.
    "stabilise",
    "denoise",
    "low_light",
    "adjust",
    "clahe",
    "sharpen",
    "background_blur",
    "blur",
    "grayscale",
    "sepia",
    "invert",
    "thermal",
    "edge_detection",
    "optical_flow",
    "motion_mask",
    # Nothing that changes content may follow the privacy blur; what does changes only the size, or hides pixels.
    "privacy_blur",
    "upscale",
    "timestamp",
)
"""Modules of this folder in the default order of a chain."""

ENTRY_POINT_GROUP = "sightline.stages"


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A third-party package whose stages could not be registered."""

    name: str
    reason: str


_lock = threading.Lock()
_seen: set[str] = set()
_broken: list[BrokenPackage] = []


def load(entry_points: bool = True) -> tuple[BrokenPackage, ...]:
    """Register all stages; return the third-party packages that failed. Calling it again does no harm.

    Args:
        entry_points: also load third parties' stages.
    """
    with _lock:
        for name in BUILTIN:
            importlib.import_module(f"analyzers.{name}")
        put_first(BUILTIN)
        if entry_points:
            _load_third_parties()
        return tuple(_broken)


def _load_third_parties() -> None:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
        if point.value not in _seen:
            _seen.add(point.value)
            _load_one(point)


def _load_one(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as err:
        # Foreign code may raise anything at import, and must never keep the cameras from starting.
        log.exception("Stages of package %s could not be loaded; going on without them", point.name)
        _broken.append(BrokenPackage(point.name, f"{type(err).__name__}: {err}"))
