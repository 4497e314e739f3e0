"""Rooms by CLIP: a picture is what it is most alike to of some sentences about each room, and about what is none.

The vectors of the sentences are kept on the disk: they change only with the sentences and the weights.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sightline.jobs.kinds.showcase.clip import LAION, Clip, Floats
from sightline.media.frame import Image

TEMPLATES = ("a real estate photo of {}", "interior of {} in a modern home", "{}, empty", "a photo of {} in a house")
INSIDE: Mapping[str, tuple[str, ...]] = {
    "entrance": ("an entrance hall", "a foyer with a front door"),
    "living": ("a living room", "a lounge with a sofa"),
    "kitchen": ("a kitchen", "a kitchen with cabinets and a stove"),
    "dining": ("a dining room", "a dining table with chairs"),
    "bedroom": ("a bedroom", "a room with a bed"),
    "bathroom": ("a bathroom", "a room with a toilet, a sink or a shower"),
    "office": ("a home office", "a study with a desk"),
    "laundry": ("a laundry room", "a washing machine and a dryer"),
    "corridor": ("a corridor", "a hallway with doors"),
    "stairs": ("a staircase", "stairs between two floors"),
    "garage": ("a garage", "the inside of a garage for cars"),
}
"""Two names of each room inside, put into the templates."""
OUTSIDE: Mapping[str, tuple[str, ...]] = {
    "exterior": (
        "a real estate photo of the front of a house", "the facade of a house from the street", "a building seen from outside",
        "a house from outside with a driveway", "a house behind its front lawn",
    ),
    "balcony": (
        "a real estate photo of a balcony", "a balcony of an apartment", "a terrace with a railing", "a balcony with chairs",
        "an empty balcony",
    ),
    "pool": (
        "a real estate photo of a swimming pool", "a swimming pool behind a house", "a private pool with deck chairs",
        "an indoor swimming pool", "blue water of a swimming pool",
    ),
    "garden": (
        "a real estate photo of a garden", "the backyard of a house", "a lawn with trees behind a house", "a patio with plants",
        "garden furniture on the grass",
    ),
    "view": (
        "the view from a window over a city", "a panoramic view of the sea from a house", "a view of mountains from a terrace",
        "a skyline seen from an apartment", "a landscape seen from above the trees",
    ),
    "aerial": (
        "an aerial photo of a house", "a drone shot of a property from above", "a bird's-eye view of a neighbourhood",
        "an aerial view of roofs and gardens", "a house and its plot seen from the air",
    ),
}  # fmt: skip
NOTHING: Mapping[str, tuple[str, ...]] = {
    "close-up": ("a close-up of a wall", "a plain wall", "a close-up of an object", "a detail of furniture", "a ceiling"),
    "blur": ("a blurry frame", "a motion-blurred picture", "an out of focus picture", "a dark frame", "a black picture"),
    "person": ("a portrait of a person", "a close-up of a face", "people in front of the camera", "a selfie", "a person talking"),
    "graphics": ("a screenshot", "a floor plan", "a logo", "a title card with text", "a map", "a computer graphic"),
}  # fmt: skip
"""What is no room; a shot that is most alike to one of them is unknown."""
SENTENCES: Mapping[str, tuple[str, ...]] = {
    **{room: tuple(template.format(name) for template in TEMPLATES for name in names) for room, names in INSIDE.items()},
    **OUTSIDE,
    **NOTHING,
}
SHARPNESS = 100.0
"""With which CLIP was trained to tell likenesses apart."""


class ClipRooms:
    """How likely a picture shows each room."""

    def __init__(self, path: Path, cache_dir: Path | None) -> None:
        """
        Args:
            cache_dir: where the vectors of the sentences are kept; None = nowhere.

        Raises:
            AnalyzerError: the extra is not installed, or the file is damaged.
        """
        self._clip = Clip(path, LAION)
        self._rooms = _vectors(self._clip, path, cache_dir)

    def __call__(self, image: Image) -> dict[str, float]:
        """0..1 by room and by what is none, of a BGR picture; adds up to 1."""
        likeness = SHARPNESS * (self._rooms @ self._clip.see([image])[0])
        powers = np.exp(likeness - likeness.max())
        return {room: float(share) for room, share in zip(SENTENCES, powers / powers.sum(), strict=True)}


def _vectors(clip: Clip, path: Path, cache_dir: Path | None) -> Floats:
    """`(rooms, 512)`: for each the middle of its sentences, of length 1."""
    state = path.stat()
    made_from = hashlib.sha256(repr((SENTENCES, path.name, state.st_size, state.st_mtime_ns)).encode()).hexdigest()[:16]
    kept = None if cache_dir is None else cache_dir / f"clip_rooms_{made_from}.npy"
    if kept is not None and kept.is_file():
        vectors: Floats = np.load(kept, allow_pickle=False)
        return vectors
    middles = np.stack([clip.read(sentences).mean(axis=0) for sentences in SENTENCES.values()])
    vectors = (middles / np.linalg.norm(middles, axis=1, keepdims=True)).astype(np.float32)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, vectors)
        part.replace(kept)
    return vectors
