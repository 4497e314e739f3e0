"""One picture of one camera, with the times that belong to it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.sound import SoundRing

Image = NDArray[np.uint8]
"""`(H, W, 3)` BGR, or `(H, W)` luma, uint8."""


class Picture(Protocol):
    """Pixels that are converted only when somebody asks, and then only once."""

    @property
    def width_px(self) -> int: ...

    @property
    def height_px(self) -> int: ...

    def bgr(self) -> Image:
        """The picture as read-only `(H, W, 3)` BGR. Safe from any thread; converted once."""
        ...

    def canvas(self) -> Image:
        """The picture as `(H, W, 3)` BGR of the caller's own, to be drawn onto. Safe from any thread."""
        ...

    def luma(self, width_px: int) -> Image:
        """A small brightness picture `(h, width_px)`, aspect kept, never larger than the source.

        Cheap when the decoder already delivers luma: no colour conversion happens.
        """
        ...


class BgrPicture:
    """A picture that is BGR already (webcam through V4L2, the demo scene, tests)."""

    __slots__ = ("_image",)

    def __init__(self, image: Image) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"expected (H, W, 3) uint8, got {image.shape} {image.dtype}")
        view = image.view()
        view.flags.writeable = False
        self._image = view

    @property
    def width_px(self) -> int:
        return int(self._image.shape[1])

    @property
    def height_px(self) -> int:
        return int(self._image.shape[0])

    def bgr(self) -> Image:
        return self._image

    def canvas(self) -> Image:
        return self._image.copy()

    def luma(self, width_px: int) -> Image:
        return small_luma(self._image, width_px)


class LazyPicture:
    """A decoded picture whose colour conversion waits until the first `bgr()`.

    Args:
        size_px: width, height.
        convert: makes the `(H, W, 3)` BGR image; called at most once unless `converts_anew`.
        luma_plane: gives the full-size `(H, W)` luma without a colour conversion.
        converts_anew: each call of `convert` gives an image of its own and costs little more than a copy.
    """

    __slots__ = ("_bgr", "_convert", "_converts_anew", "_lock", "_luma_plane", "_size_px")

    def __init__(
        self,
        size_px: tuple[int, int],
        convert: Callable[[], Image],
        luma_plane: Callable[[], Image],
        *,
        converts_anew: bool = False,
    ) -> None:
        self._size_px = size_px
        self._convert = convert
        self._luma_plane = luma_plane
        self._converts_anew = converts_anew
        self._bgr: Image | None = None
        self._lock = threading.Lock()

    @property
    def width_px(self) -> int:
        return self._size_px[0]

    @property
    def height_px(self) -> int:
        return self._size_px[1]

    def bgr(self) -> Image:
        with self._lock:
            if self._bgr is None:
                image = self._convert()
                image.flags.writeable = False
                self._bgr = image
            return self._bgr

    def canvas(self) -> Image:
        if self._converts_anew and self._bgr is None:
            return self._convert()
        return self.bgr().copy()

    def luma(self, width_px: int) -> Image:
        return shrink_to_width(self._luma_plane(), width_px)


def shrink_to_width(image: Image, width_px: int) -> Image:
    """Return `image` scaled down to `width_px` (aspect kept); unchanged when it is no wider than that."""
    height, width = image.shape[:2]
    if width <= width_px:
        return image
    size = (width_px, max(1, round(height * width_px / width)))
    # Averages of two by two cost a fifth of others: 0.07 instead of 0.37 ms from 1280 to 320.
    while width >= 4 * width_px and width % 2 == 0 and height % 2 == 0:
        width, height = width // 2, height // 2
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # INTER_AREA averages: no aliasing that motion detection would take for movement.
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def small_luma(image: Image, width_px: int) -> Image:
    """Return the brightness of a BGR picture, scaled down to `width_px` (aspect kept); not scaled when it is no wider."""
    # One channel is averaged in less than half the time of three, and the conversion is cheap.
    return shrink_to_width(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), width_px)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture on its way through the system. Shared between threads, never changed."""

    camera_id: str
    seq: int
    """Counts up by one per frame the source delivered, from 1; survives reconnects."""
    pts_ns: int
    """Presentation time on the source's own clock, made monotone over loops and reconnects."""
    captured_ns: int
    """`time.monotonic_ns()` when the frame left the decoder. On Linux this clock is shared by all processes."""
    wall_time_s: float
    """Epoch seconds of the same moment, for people and file names only."""
    picture: Picture
    sound: SoundRing | None = None
    """The last seconds of the source's sound, on the clock of `pts_ns`; None when the source has none."""

    @property
    def image(self) -> Image:
        """Read-only `(H, W, 3)` BGR. A stage that paints copies first."""
        return self.picture.bgr()

    @property
    def size_px(self) -> tuple[int, int]:
        """Width, height."""
        return self.picture.width_px, self.picture.height_px
