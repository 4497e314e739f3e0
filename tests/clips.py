"""Makes short clips for tests with the libraries of the product: no outside program is needed."""

from pathlib import Path

import av
import cv2
import numpy as np

SIZE = (320, 240)
FPS = 25


def drawn(number: int, size=SIZE) -> np.ndarray:
    """`(h, w, 3)` BGR: blue upper half, a square that moves on a grey lower half."""
    width, height = size
    image = np.full((height, width, 3), 128, np.uint8)
    image[: height // 2] = (200, 60, 30)
    x = number * 7 % (width - 40)
    image[height // 2 + 20 : height // 2 + 60, x : x + 40] = (40, 220, 240)
    return image


def jpeg(number: int, size=SIZE) -> bytes:
    return cv2.imencode(".jpg", drawn(number, size))[1].tobytes()


def make_clip(path: Path, frames: int = 25, size=SIZE, codec: str = "libx264", **options: str) -> Path:
    """A clip at 25 fps; the ending of `path` says in which container. `options` go to the muxer."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = FPS
        for number in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(drawn(number, size), format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def show_clip(path: Path, image: np.ndarray, frames: int = 50) -> Path:
    """A clip at 25 fps that shows one picture, cut to even sides."""
    height, width = (side // 2 * 2 for side in image.shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", FPS
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="bgr24")
        for number in range(frames):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
