"""How different people find two pictures: LPIPS (Zhang et al. 2018) with AlexNet. Extra [showcase]; weights are two files.

The measure is the one of the authors' package, which is not used because it fetches AlexNet itself and needs torchvision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sightline.jobs.kinds.showcase.torch_models import broken, failing_as_analyzer, fill, import_torch, read_weights
from sightline.media.frame import Image

SIDE_PX = 256
"""Pictures are compared at this width."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of RGB pictures -1..1, with which the measure was made."""
CHANNELS = (64, 192, 384, 256, 256)
"""Of AlexNet's five layers that are compared."""
ENDS = (2, 5, 8, 10, 12)
"""Where they end in its list."""


class Lpips:
    """Compares pictures, on the GPU where torch has one."""

    def __init__(self, alexnet_path: Path, layers_path: Path) -> None:
        """Raises: AnalyzerError: the extra is not installed, or a file is damaged or another model."""
        self._torch = torch = import_torch()
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        weights = read_weights(alexnet_path)
        own = {name.removeprefix("features."): value for name, value in weights.items() if name.startswith("features.")}
        self._network = fill(_alexnet(torch), own, alexnet_path).to(self._device)
        self._layers = [layer.to(self._device) for layer in _layers(layers_path)]

    def features(self, image: Image) -> list[Any]:
        """What of a BGR picture is compared; taken once, however often it is. Raises: AnalyzerError."""
        torch = self._torch
        rgb = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.float32) / 127.5 - 1
        part = torch.from_numpy(np.ascontiguousarray(((rgb - SHIFT) / SCALE).transpose(2, 0, 1), dtype=np.float32))[None]
        told, begin = [], 0
        with failing_as_analyzer("LPIPS"), torch.inference_mode():
            part = part.to(self._device)
            for end in ENDS:
                part = self._network[begin:end](part)
                told.append(part / (part.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
                begin = end
        return told

    def difference(self, one: Sequence[Any], other: Sequence[Any]) -> float:
        """0 (the same) to about 1, of what `features` gave of two pictures."""
        with self._torch.inference_mode():
            parts = zip(one, other, self._layers, strict=True)
            return float(sum(((a - b).square() * layer).sum(dim=1).mean() for a, b, layer in parts))


class Differences:
    """Differences of pictures in files, each read once."""

    def __init__(self, lpips: Lpips, paths: Sequence[Path]) -> None:
        self._lpips = lpips
        self._paths = paths
        self._features: dict[int, list[Any]] = {}

    def __call__(self, one: int, other: int) -> float:
        """Of the files at two places."""
        return self._lpips.difference(self._of(one), self._of(other))

    def _of(self, place: int) -> list[Any]:
        if place not in self._features:
            image = cv2.imread(str(self._paths[place]))
            self._features[place] = self._lpips.features(image)  # type: ignore[arg-type]
        return self._features[place]


def _alexnet(torch: Any) -> Any:
    """The part of AlexNet that sees, its layers numbered as torchvision numbers them."""
    layer = torch.nn
    return layer.Sequential(
        layer.Conv2d(3, 64, 11, stride=4, padding=2), layer.ReLU(), layer.MaxPool2d(3, 2),
        layer.Conv2d(64, 192, 5, padding=2), layer.ReLU(), layer.MaxPool2d(3, 2),
        layer.Conv2d(192, 384, 3, padding=1), layer.ReLU(),
        layer.Conv2d(384, 256, 3, padding=1), layer.ReLU(),
        layer.Conv2d(256, 256, 3, padding=1), layer.ReLU(),
    )  # fmt: skip


def _layers(path: Path) -> list[Any]:
    """How much each channel counts."""
    weights = read_weights(path)
    try:
        layers = [weights[f"lin{n}.model.1.weight"] for n in range(len(CHANNELS))]
    except KeyError as err:
        raise broken(path, err) from err
    if any(tuple(layer.shape) != (1, channels, 1, 1) for layer, channels in zip(layers, CHANNELS, strict=True)):
        raise broken(path, ValueError("layers of other sizes"))
    return layers
