"""The demo: a scene that the program draws, so that everything works with no camera."""

import threading
from collections.abc import Iterator

from sightline.live.sources.demo_scene import Scene
from sightline.live.sources.pacing import Pacer
from sightline.live.sources.source import Captured, ClosingSource, SourceInfo
from sightline.media.address import CheckedAddress, DemoScene
from sightline.media.frame import BgrPicture
from sightline.media.source_options import SourceOptions


def open_demo(checked: CheckedAddress, _options: SourceOptions, stop: threading.Event) -> "DemoSource":
    """Open the demo scene in the size and rate that its address asks for."""
    return DemoSource(checked.address.demo or DemoScene(), stop)


class DemoSource(ClosingSource):
    """Endless pictures of the scene, each a function of its number alone."""

    def __init__(self, wanted: DemoScene, stop: threading.Event) -> None:
        self._scene = Scene(wanted.width_px, wanted.height_px, wanted.fps)
        self._fps = wanted.fps
        self._stop = stop
        self.info = SourceInfo(
            "demo", "drawn", wanted.width_px, wanted.height_px, float(wanted.fps), has_audio=False, has_b_frames=False
        )

    def __iter__(self) -> Iterator[Captured]:
        pacer = Pacer(self._stop)
        number = 0
        while True:
            pts_ns = number * 1_000_000_000 // self._fps
            picture = BgrPicture(self._scene.draw(number))
            if not pacer.wait(pts_ns):
                return
            yield Captured.now(picture, pts_ns, is_keyframe=True)
            number += 1
