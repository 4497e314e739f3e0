"""Enlarging: the whole picture, or a part of it as a digital zoom, two to four times.

ESPCN (Shi et al., CVPR 2016) and FSRCNN (Dong et al., ECCV 2016) through `cv2.dnn_superres` where their weight files are here,
else Lanczos. On one core ESPCN ×2 takes 4 ms for a part of 160×90 and 26 ms for 320×180, Lanczos ×2 36 ms for a whole 720p
picture, bicubic 2.5 ms. So the filter measures itself: a method that would take too much of the time between two frames gives way
to the next cheaper one, and that is said. The picture that comes out is never larger than 3840×2160.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.shapes import Shape, shapes_param
from sightline.media.stage import Moment, Resources, param, register
from sightline.media.transform import IDENTITY, Transform

LARGEST_PX = (3840, 2160)
NETWORKS = {"espcn": "ESPCN", "fsrcnn": "FSRCNN"}
LABELS = {"espcn": "ESPCN", "fsrcnn": "FSRCNN", "lanczos": "Lanczos", "bicubic": "Bicubic interpolation"}
SMALLEST_NETWORK_PX = 16
TIME_SHARE = 0.35
"""Share of the time between two frames that enlarging may take."""
PROBE_PX = (64, 48)
SMOOTHING = 0.2
TRY_AGAIN_NS = 30_000_000_000
"""How long a method that was too slow is not tried again."""
LONGEST_PERIOD_NS = 1_000_000_000
SAVING = "Enlarged bicubically and to the camera's own size at most, because the filters need all the time there is."

Enlarge = Callable[[Image, tuple[int, int]], Image]
"""From a picture and a size (width, height) to the picture of that size."""


@dataclass(frozen=True)
class UpscaleParams:
    factor: int = param(2, "Factor", minimum=2, maximum=4, step=1, unit="×")
    method: str = param(
        "auto",
        "Method",
        choices=("auto", *NETWORKS, "lanczos", "bicubic"),
        help="auto takes the best that keeps the camera's rate.",
    )
    keep_rate: bool = param(True, "Keep the frame rate", help="Off: takes the chosen method, however slow it is.")
    zoom: float = param(1.0, "Zoom to the centre", minimum=1.0, maximum=8.0, step=0.1, unit="×")
    part: tuple[Shape, ...] = shapes_param("zone", "Enlarge this part", most=1, help="Instead of the centre.")


class Method:
    """One way to enlarge, with what it costs."""

    def __init__(self, name: str, enlarge: Enlarge) -> None:
        self.name = name
        self._enlarge = enlarge
        self._ns_per_px: float | None = None
        self.rested_until_ns = 0

    def cost_ns(self, pixels: int) -> float:
        """What enlarging that many pixels will take; tried on a small picture the first time."""
        if self._ns_per_px is None:
            probe = np.zeros((PROBE_PX[1], PROBE_PX[0], 3), np.uint8)
            self._timed(probe, (2 * PROBE_PX[0], 2 * PROBE_PX[1]))
            self._ns_per_px = None  # the first run also sets things up
            self._timed(probe, (2 * PROBE_PX[0], 2 * PROBE_PX[1]))
        return (self._ns_per_px or 0.0) * pixels

    def __call__(self, image: Image, size: tuple[int, int]) -> Image:
        return self._timed(image, size)

    def _timed(self, image: Image, size: tuple[int, int]) -> Image:
        started_ns = time.thread_time_ns()
        result = self._enlarge(image, size)
        spent = (time.thread_time_ns() - started_ns) / (size[0] * size[1])
        self._ns_per_px = spent if self._ns_per_px is None else (1 - SMOOTHING) * self._ns_per_px + SMOOTHING * spent
        return result


class Upscale:
    """Enlarges the pictures of one camera."""

    def __init__(self, params: UpscaleParams, methods: list[Method], missing: str = "") -> None:
        """Enlarge with the first of `methods` that keeps the rate; the last one always goes. `missing`: what to tell anyway."""
        self._params = params
        self._methods = methods
        self._missing = missing
        self._pts_ns: int | None = None
        self._period_ns = 0.0
        self.transform = IDENTITY
        self.notice = missing

    def apply(self, image: Image, moment: Moment) -> Image:
        x, y, width, height = _part(self._params, image.shape[1], image.shape[0])
        saves = moment.is_hurried and self._params.keep_rate
        # All that follows costs with the size of the picture: enlarging rests before the frame rate falls.
        size = enlarged_size(width, height, self._params.factor, (image.shape[1], image.shape[0]) if saves else LARGEST_PX)
        self._measure_period(moment.pts_ns)
        method = self._method(width, height, size, moment)
        part = image[y : y + height, x : x + width]
        result = method(np.ascontiguousarray(part), size) if size != (width, height) else part.copy()
        scale_x, scale_y = size[0] / width, size[1] / height
        self.transform = Transform(scale_x, 0.0, -x * scale_x, 0.0, scale_y, -y * scale_y)
        return result

    def _measure_period(self, pts_ns: int) -> None:
        before, self._pts_ns = self._pts_ns, pts_ns
        if before is not None and 0 < pts_ns - before <= LONGEST_PERIOD_NS:
            # The shortest distance lately: a frame that was skipped does not mean that there is more time.
            self._period_ns = min(pts_ns - before, 1.05 * self._period_ns) if self._period_ns else pts_ns - before

    def _method(self, width: int, height: int, size: tuple[int, int], moment: Moment) -> Method:
        if moment.is_hurried and self._params.keep_rate:
            self.notice = SAVING
            return self._methods[-1]
        is_whole_factor = size == (width * self._params.factor, height * self._params.factor)
        fitting = [
            method
            for method in self._methods
            if method.name not in NETWORKS or (is_whole_factor and min(width, height) >= SMALLEST_NETWORK_PX)
        ]
        if not self._params.keep_rate:
            return fitting[0]
        if not self._period_ns:
            return fitting[-1]  # the first picture: nothing is known about the rate yet
        chosen = next(method for method in fitting if method is fitting[-1] or self._keeps_rate(method, size, moment))
        self.notice = self._missing if chosen is fitting[0] else (
            f"{LABELS[chosen.name]} is used: {LABELS[fitting[0].name]} takes longer than this picture size and frame rate leave."
        )  # fmt: skip
        return chosen

    def _keeps_rate(self, method: Method, size: tuple[int, int], moment: Moment) -> bool:
        if moment.pts_ns < method.rested_until_ns <= moment.pts_ns + TRY_AGAIN_NS:
            return False
        if method.cost_ns(size[0] * size[1]) <= TIME_SHARE * self._period_ns:
            return True
        method.rested_until_ns = moment.pts_ns + TRY_AGAIN_NS
        return False


def enlarged_size(width: int, height: int, factor: int, largest_px: tuple[int, int] = LARGEST_PX) -> tuple[int, int]:
    """Width, height of the enlarged picture: `factor` times, less where that would be too large; never smaller than it is."""
    fit = max(1.0, min(factor, largest_px[0] / width, largest_px[1] / height))
    return min(round(width * fit), max(width, largest_px[0])), min(round(height * fit), max(height, largest_px[1]))


def _part(params: UpscaleParams, width: int, height: int) -> tuple[int, int, int, int]:
    """x, y, width, height of what is enlarged."""
    if params.part:
        points = params.part[0].to_pixels((width, height))
        left, right = min(x for x, _ in points), max(x for x, _ in points)
        top, bottom = min(y for _, y in points), max(y for _, y in points)
    else:
        half_w, half_h = width / params.zoom / 2, height / params.zoom / 2
        left, right, top, bottom = width / 2 - half_w, width / 2 + half_w, height / 2 - half_h, height / 2 + half_h
    x, y = min(int(left), width - 1), min(int(top), height - 1)
    return x, y, max(1, min(width, round(right)) - x), max(1, min(height, round(bottom)) - y)


def _lanczos(image: Image, size: tuple[int, int]) -> Image:
    return cv2.resize(image, size, interpolation=cv2.INTER_LANCZOS4)  # type: ignore[return-value]


def _bicubic(image: Image, size: tuple[int, int]) -> Image:
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _network(name: str, factor: int, models: ModelStore) -> Enlarge | None:
    """The network with its weights loaded; None when its file is not here.

    Raises:
        AnalyzerError: the file is damaged.
    """
    path = models.find(f"{NETWORKS[name]}_x{factor}.pb")
    if path is None:
        return None
    model: Any = cv2.dnn_superres.DnnSuperResImpl_create()  # type: ignore[attr-defined]
    try:
        model.readModel(str(path))
        model.setModel(name, factor)
        model.upsample(np.zeros((SMALLEST_NETWORK_PX, SMALLEST_NETWORK_PX, 3), np.uint8))
    except cv2.error as err:
        raise AnalyzerError(f"{path.name} cannot be loaded: the file is damaged. Fetch it again.", code="model_broken") from err

    def enlarge(image: Image, size: tuple[int, int]) -> Image:
        result = model.upsample(image)
        return result if (result.shape[1], result.shape[0]) == size else cv2.resize(result, size)  # type: ignore[no-any-return]

    return enlarge


def _make(params: UpscaleParams, resources: Resources) -> Upscale:
    names = {"auto": tuple(NETWORKS), "lanczos": (), "bicubic": ()}.get(params.method, (params.method,))
    networks = ((name, _network(name, params.factor, resources.models)) for name in names)
    methods = [Method(name, enlarge) for name, enlarge in networks if enlarge is not None][:1]
    if params.method != "bicubic":
        methods.append(Method("lanczos", _lanczos))
    missing = ""
    if params.method in NETWORKS and methods[0].name != params.method:
        file = f"{NETWORKS[params.method]}_x{params.factor}.pb"
        missing = f"The weight file {file} is not on this machine, so Lanczos is used. Fetch it on the Models page."
    return Upscale(params, [*methods, Method("bicubic", _bicubic)], missing)


register(
    "upscale",
    _make,
    kind="filter",
    label="Enlarge",
    description="Enlarges the picture or a part of it, by a network where its weights are here. Keeps the camera's rate.",
    params=UpscaleParams,
    group="Picture",
    moves=True,
    licence="MIT; weight files have their own",
    backend="OpenCV dnn_superres",
)
