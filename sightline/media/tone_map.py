"""Pictures of a high dynamic range (PQ, HLG) or of wide colours (BT.2020), brought to BT.709 as screens and models expect it.

One table of colours for each kind of light does it everywhere: ffmpeg reads it as a `.cube` file, and so does libav in this
process, so that people and models see the same. White of 203 cd/m² (BT.2408) becomes bright but not full white; what is brighter is
rolled off up to 1000 cd/m².
"""

import tempfile
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import cast

import av.filter
import numpy as np
from av import VideoFrame
from av.video.frame import VideoFrame as Decoded
from numpy.typing import NDArray

from sightline.media.frame import Image

Colours = NDArray[np.float64]
"""`(…, 3)` red, green, blue."""

STEPS = 33
"""Of the table along each colour."""
WHITE_NITS, PEAK_NITS = 203.0, 1000.0
KNEE = 0.3
"""Up to this share of white nothing is changed."""
SCREEN_GAMMA = 2.4
PQ_M1, PQ_M2, PQ_C1, PQ_C2, PQ_C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
HLG_A, HLG_B, HLG_C, HLG_SYSTEM_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2
LUMA_2020 = (0.2627, 0.6780, 0.0593)
TO_709 = ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730))
"""From linear BT.2020 (BT.2087)."""


class Light(StrEnum):
    """What the numbers of a picture mean."""

    PLAIN = "plain"
    PQ = "pq"
    HLG = "hlg"
    WIDE = "wide"
    """BT.2020 without a high dynamic range."""


def light_of(frame: Decoded) -> Light:
    """Told by the tags of a decoded picture."""
    transfers = {16: Light.PQ, 18: Light.HLG}
    is_wide = int(frame.color_primaries) == 9
    return transfers.get(int(frame.color_trc), Light.WIDE if is_wide else Light.PLAIN)


def tone_map_filter(light: Light, folder: Path) -> str:
    """For an ffmpeg graph: `,`-ended filters that make the pictures BT.709 in 8 bits; empty when they are so already.

    Args:
        folder: where the table is written. Raises: OSError.
    """
    if light == Light.PLAIN:
        return ""
    cube = folder / f"{light}.cube"
    if not cube.is_file():
        cube.write_text(_cube(light), encoding="ascii")
    tags = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    matrix = "scale=out_color_matrix=bt709:out_range=tv"
    # What the file says of its brightest picture is no longer true.
    return f"{_chain(cube)},{matrix},format=yuv420p,{tags},sidedata=mode=delete,"


def tone_mapped(frame: Decoded, light: Light) -> Image:
    """The picture as `(H, W, 3)` BGR. Safe from any thread."""
    key = (light, frame.width, frame.height, frame.format.name)
    return _graphs.of(key, frame)(frame)


class _Graphs(threading.local):
    """The newest graph of each thread: a film has pictures of one kind only."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._run: Callable[[Decoded], Image] | None = None

    def of(self, key: tuple[object, ...], frame: Decoded) -> Callable[[Decoded], Image]:
        if self._run is None or key != self._key:
            self._key, self._run = key, _graph(cast(Light, key[0]), frame)
        return self._run


_graphs = _Graphs()


def _graph(light: Light, frame: Decoded) -> Callable[[Decoded], Image]:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    # The table is read when the graph is made, and is not needed any more afterwards.
    with tempfile.TemporaryDirectory() as folder:
        cube = Path(folder, "light.cube")
        cube.write_text(_cube(light), encoding="ascii")
        steps = [step.partition("=") for step in f"{_chain(cube)},format=bgr24".split(",")]
        nodes = [source, *(graph.add(name, arguments) for name, _, arguments in steps), graph.add("buffersink")]
        graph.link_nodes(*nodes).configure()

    def run(picture: Decoded) -> Image:
        graph.push(picture)
        return cast(Image, cast(VideoFrame, graph.pull()).to_ndarray())

    return run


def _chain(cube: Path) -> str:
    return f"scale=in_color_matrix=bt2020:out_range=pc,format=gbrp10le,lut3d=file={_escaped(cube)}:interp=tetrahedral"


def _escaped(path: Path) -> str:
    """A path inside a filter's arguments, inside a graph."""
    argument = "".join(f"\\{char}" if char in "\\':" else char for char in str(path))
    return "".join(f"\\{char}" if char in "\\'[],;" else char for char in argument)


@lru_cache(maxsize=4)
def _cube(light: Light) -> str:
    """The table in the format of .cube files: red runs fastest."""
    axis = np.linspace(0.0, 1.0, STEPS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = to_709(np.stack((red, green, blue), axis=-1).reshape(-1, 3), light)
    rows = "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table)
    return f"LUT_3D_SIZE {STEPS}\n{rows}\n"


def to_709(coded: Colours, light: Light) -> Colours:
    """Colours 0..1 of a kind of light as those of BT.709, 0..1."""
    linear = _linear(coded, light)  # 1 = white
    if light != Light.WIDE:
        brightest = linear.max(axis=-1, keepdims=True)
        linear = linear * (_rolled_off(brightest) / np.maximum(brightest, 1e-9))
    shown: Colours = np.clip(linear @ np.asarray(TO_709).T, 0.0, 1.0) ** (1 / SCREEN_GAMMA)
    return shown


def _linear(coded: Colours, light: Light) -> Colours:
    if light == Light.PQ:
        power = coded ** (1 / PQ_M2)
        nits = 10_000 * (np.maximum(power - PQ_C1, 0) / (PQ_C2 - PQ_C3 * power)) ** (1 / PQ_M1)
        return nits / WHITE_NITS
    if light == Light.HLG:
        scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - HLG_C) / HLG_A) + HLG_B) / 12)
        luma: Colours = np.maximum(scene @ np.asarray(LUMA_2020), 1e-9)[..., None]
        return PEAK_NITS * luma ** (HLG_SYSTEM_GAMMA - 1) * scene / WHITE_NITS
    return coded**SCREEN_GAMMA


def _rolled_off(brightness: Colours) -> Colours:
    """Brightness (1 = white) as a share of what a screen can show: straight up to the knee, then a curve up to the peak."""
    peak = PEAK_NITS / WHITE_NITS
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    curve = (b**2 + 2 * b * KNEE + KNEE**2) / (b - a) * (brightness + a) / (brightness + b)
    return np.minimum(np.where(brightness <= KNEE, brightness, curve), 1.0)
