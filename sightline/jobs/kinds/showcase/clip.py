"""CLIP ViT-B/32 (Radford et al. 2021) through open_clip: pictures and sentences as vectors of one space. Extra [showcase]."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from sightline.jobs.kinds.showcase.torch_models import failing_as_analyzer, fill, import_open_clip, import_torch, read_weights
from sightline.media.frame import Image

LAION, OPENAI = "ViT-B-32", "ViT-B-32-quickgelu"
"""Names that open_clip has for the network, by whose weights they are for; they differ in one function."""
SIDE_PX = 224
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
DEVIATION = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)
"""Of RGB pictures 0..1, with which CLIP was trained."""

Floats = NDArray[np.float32]


class Clip:
    """The network with one file of weights, on the GPU where torch has one."""

    def __init__(self, path: Path, architecture: str) -> None:
        """Raises: AnalyzerError: the extra is not installed, or the file is damaged or another model."""
        self._torch = import_torch()
        open_clip = import_open_clip()
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        network = open_clip.CLIP(**open_clip.get_model_config(architecture))
        self._network = fill(network, read_weights(path), path).to(self._device)
        self._tokens = open_clip.get_tokenizer(architecture)

    def see(self, images: Sequence[Image]) -> Floats:
        """`(n, 512)` of length 1, of BGR pictures. Raises: AnalyzerError."""
        batch = np.stack([prepared(image) for image in images])
        with failing_as_analyzer("CLIP"), self._torch.inference_mode():
            vectors = self._network.encode_image(self._torch.from_numpy(batch).to(self._device), normalize=True)
        return _numbers(vectors)

    def read(self, sentences: Sequence[str]) -> Floats:
        """`(n, 512)` of length 1, of English sentences. Raises: AnalyzerError."""
        with failing_as_analyzer("CLIP"), self._torch.inference_mode():
            vectors = self._network.encode_text(self._tokens(list(sentences)).to(self._device), normalize=True)
        return _numbers(vectors)


def prepared(image: Image) -> Floats:
    """A BGR picture as CLIP takes it: its middle square, `(3, 224, 224)`."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    size = (SIDE_PX * width // shorter, SIDE_PX * height // shorter)
    left, top = round((size[0] - SIDE_PX) / 2), round((size[1] - SIDE_PX) / 2)
    # Pillow scales as in the training; OpenCV's way differs where a picture is made smaller.
    sized = PillowImage.fromarray(image[..., ::-1]).resize(size, PillowImage.Resampling.BICUBIC)
    rgb = np.asarray(sized.crop((left, top, left + SIDE_PX, top + SIDE_PX)), np.float32) / 255
    return np.ascontiguousarray(((rgb - MEAN) / DEVIATION).transpose(2, 0, 1), dtype=np.float32)


def _numbers(vectors: object) -> Floats:
    numbers: Floats = vectors.float().cpu().numpy()  # type: ignore[attr-defined]
    return numbers
