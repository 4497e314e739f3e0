"""Where one camera's time goes. Written by the threads of the camera, read by any."""

import time

from sightline.media.window import Window

FPS_SPAN_S = 3.0
"""Short, so that the frame rate an operator sees follows what happens."""


class CameraCounters:
    """Where one camera's time goes."""

    def __init__(self) -> None:
        self.captured = Window(FPS_SPAN_S)
        """Frames that came."""
        self.shown = Window(FPS_SPAN_S)
        """Frames that were processed for viewers."""
        self.decode_ms = Window()
        self.chain_ms = Window()
        """Filters and paint together."""
        self.paint_ms = Window()
        self.since_s = time.monotonic()

    def reset(self) -> None:
        self.captured.clear()
        self.chain_ms.clear()
        self.since_s = time.monotonic()
