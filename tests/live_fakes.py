"""Doubles for the live path: frames made in memory, a source that the test drives by hand, stages that do what the test wants."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sightline.live.capture import CaptureState
from sightline.live.context import CameraConfig
from sightline.media.findings import Box, Detection, Findings
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.packet import Packet
from sightline.media.stage import Moment

FRAME_NS = 33_333_333
PATIENCE_S = 30.0


def picture(value: int = 0, size_px: tuple[int, int] = (64, 48)) -> Image:
    return np.full((size_px[1], size_px[0], 3), value, np.uint8)


def frame(
    seq: int = 1, camera_id: str = "cam", value: int = 0, size_px: tuple[int, int] = (64, 48), pts_ns: int | None = None
) -> Frame:
    """Frame number `seq` of a 30 fps camera, all pixels `value`."""
    pts_ns = seq * FRAME_NS if pts_ns is None else pts_ns
    return Frame(camera_id, seq, pts_ns, time.monotonic_ns(), time.time(), BgrPicture(picture(value, size_px)))


def found(
    *boxes: Box, pts_s: float, analyzer: str = "boxes", label: str = "thing", camera_id: str = "cam", track_id: int | None = None
) -> Findings:
    """Findings with one detection per box, made at `pts_s`."""
    detections = tuple(Detection(label, 0.9, box, track_id) for box in boxes)
    pts_ns = round(pts_s * 1e9)
    return Findings(analyzer, camera_id, round(pts_s * 30), pts_ns, time.monotonic_ns(), (640, 480), detections)


def wait_for(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for what another thread or process is about to do."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.005)


class Adding:
    """A filter that adds a number to every pixel; told to, it fails or gives back nonsense."""

    def __init__(self, amount: int = 1) -> None:
        self.amount = amount
        self.answer: Any = None
        self.error: Exception | None = None

    def apply(self, image: Image, moment: Moment) -> Image:
        if self.error is not None:
            raise self.error
        return self.answer if self.answer is not None else image + np.uint8(self.amount)


class Looking:
    """An analyzer that finds one box, or fails, or takes its time until `go` is set."""

    def __init__(self, name: str = "boxes") -> None:
        self.name = name
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.batches: list[list[str]] = []
        self.target: object = "never told"
        self.is_closed = False

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        self.go.wait(10)
        self.batches.append([f.camera_id for f in frames])
        if self.error is not None:
            raise self.error
        box = Detection(self.name, 1.0, (10, 10, 30, 30))
        return [Findings(self.name, f.camera_id, f.seq, f.pts_ns, f.captured_ns, f.size_px, (box,)) for f in frames]

    def follow(self, target: object) -> None:
        self.target = target

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Collector:
    """A subscriber that keeps what it gets."""

    packets: list[Packet] = field(default_factory=list)
    is_ended: threading.Event = field(default_factory=threading.Event)

    def deliver(self, packet: Packet) -> None:
        self.packets.append(packet)

    def end(self) -> None:
        self.is_ended.set()


class HandReader:
    """A source that delivers what the test pushes."""

    def __init__(self, config: CameraConfig, on_frame: Callable[[Frame], None], on_state: Callable[[CaptureState], None]) -> None:
        self.config = config
        self.on_frame = on_frame
        self.on_state = on_state
        self.state = CaptureState(kind="demo", since_s=time.time())
        self.is_started = False

    def start(self) -> None:
        self.is_started = True
        self.become("connecting")

    def stop(self, timeout_s: float = 3.0) -> None:
        self.become("stopped")

    def become(self, state: Any, reason: str = "", message: str = "", **more: Any) -> None:
        self.state = CaptureState(
            state=state, reason=reason, message=message, since_s=time.time(), kind="demo", width=64, height=48, **more
        )
        self.on_state(self.state)

    def push(self, seq: int, value: int = 0) -> None:
        if self.state.state != "live":
            self.become("live")
        self.on_frame(frame(seq, self.config.id, value))
