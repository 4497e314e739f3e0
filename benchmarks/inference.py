"""What the way through the chain costs on top of a model, whether a batch pays, and how many streams a GPU carries.

`python -m benchmarks.inference`. The bare loop is onnxruntime alone, with a tensor that is ready; the chain is the scheduler with
the shipped analyzer in exact mode: picture in, findings out. Both run in turn in one process, with the same file and threads.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.open_batch import open_batch
from benchmarks.report import Figure, fail, percentile, report
from sightline.analysis.scheduler import NICENESS, Analysis
from sightline.media.findings import Findings
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision import inference
from sightline.vision.inference import Detector, open_session, thread_budget
from sightline.vision.inference.session import BATCHES_MEASURED
from sightline.vision.tracking import Tracker, TrackingRules

WEIGHTS = ASSETS / "weights"
CLIP = ASSETS / "video" / "street_people_720p.mp4"
MODEL = "yolov8n"
ROUNDS, LOOKS = 12, 4
"""A round is some looks of each way in turn: what else the machine does meanwhile meets both."""
CAMERAS = 4
GPU_BATCH, GPU_BATCHES = 16, 60
STREAM_FPS = 30.0


class Listener:
    """A camera that counts its findings."""

    def __init__(self) -> None:
        self.count = 0

    def on_findings(self, findings: Findings) -> None:
        self.count += 1

    def on_stage_event(self, kind: str, stage_name: str, message: str) -> None:
        fail(f"{stage_name}: {message}")


def pictures(count: int) -> list[Image]:
    """The first pictures of the street."""
    video = cv2.VideoCapture(str(CLIP))
    found = [video.read()[1] for _ in range(count)]
    video.release()
    return found  # type: ignore[return-value]


def rates(ways: Sequence[Callable[[], None]], looks: int) -> list[float]:
    """Looks a second of each way, in its best of many rounds in which each has its turn. A call is `looks` looks.

    What else the machine does can only make a round slower, never quicker.
    """
    seconds: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(ROUNDS):
        for way, times in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            way()
            times.append(time.perf_counter() - started)
    return [looks / min(times) for times in seconds]


def bare_loop(path: Path, threads: int) -> Callable[[], None]:
    """onnxruntime as its documents show it, with that many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0]
    tensor = np.random.default_rng(1).random(side.shape, np.float32)

    def run() -> None:
        for _ in range(LOOKS):
            session.run(None, {side.name: tensor})

    return run


def chain(analysis: Analysis, listener: Listener) -> Callable[[], None]:
    """Frames through the scheduler, each waited for."""
    images, seq = pictures(LOOKS), [0]
    analysis.watch("street", listener)
    info = stage("object_detection")
    analysis.configure("street", {"object_detection": make_params(info, {"model": MODEL})}, "exact")

    def run() -> None:
        before = listener.count
        for image in images:
            seq[0] += 1
            analysis.submit(Frame("street", seq[0], seq[0] * 33_000_000, time.monotonic_ns(), time.time(), BgrPicture(image)))
        if listener.count - before != len(images):
            fail("the scheduler left frames out although it is in exact mode")

    return run


def chain_figure() -> Figure:
    """Throughput of the chain against the bare loop."""
    analysis = Analysis(Resources(ModelStore(WEIGHTS)), threads=1)
    try:
        bare, ours = rates([bare_loop(WEIGHTS / f"{MODEL}.onnx", thread_budget()), chain(analysis, Listener())], LOOKS)
    finally:
        analysis.close()
    return Figure(f"{MODEL} through the chain", ours, "looks/s", "bare onnxruntime loop", bare, "higher", 0.9)


def batch_figures(folder: Path) -> list[Figure]:
    """Four cameras in one call against one call each, for a file with an open batch and one without."""
    images = pictures(CAMERAS)
    found = []
    for name, path in (("fixed batch", WEIGHTS / f"{MODEL}.onnx"), ("open batch", folder / f"{MODEL}_open.onnx")):
        detector = Detector(open_batch(WEIGHTS / f"{MODEL}.onnx", path) if name == "open batch" else path)
        for _ in range(2 * BATCHES_MEASURED):
            detector.detect_many(images, 0.25)  # until the session has chosen its way

        def one_by_one(detector: Detector = detector) -> None:
            for image in images:
                detector.detect(image, 0.25)

        def together(detector: Detector = detector) -> None:
            detector.detect_many(images, 0.25)

        single, batch = rates([one_by_one, together], CAMERAS)
        # What is the same way either time differs by the noise of the machine.
        found.append(Figure(f"{CAMERAS} cameras together, {name}", batch, "looks/s", "one at a time", single, "higher", 0.95))
    return found


def streams(detector: Detector, batch: int, batches: int) -> tuple[float, float]:
    """1080p30 streams that detector and tracker carry, and the p95 of a batch in ms from pictures to tracks."""
    images = [cv2.resize(image, (1920, 1080)) for image in pictures(batch)]
    trackers = [Tracker(TrackingRules()) for _ in images]
    times: list[float] = []
    for number in range(batches):
        started = time.perf_counter()
        looks = detector.detect_many(images, 0.25, 0.5)  # type: ignore[arg-type]
        for tracker, look in zip(trackers, looks, strict=True):
            tracker.update(look, (), number * 33_000_000)
        times.append((time.perf_counter() - started) * 1000)
    warm = times[batches // 4 :]
    return batch / (statistics.median(warm) / 1000) / STREAM_FPS, percentile(warm, 95)


def gpu_figures(folder: Path) -> tuple[list[Figure], str]:
    """Streams on a GPU; without one the same code is run on the processor, and the figure is left open."""
    detector = Detector(open_batch(WEIGHTS / f"{MODEL}.onnx", folder / f"{MODEL}_gpu.onnx"))
    provider = detector.provider
    if not any(word in provider for word in ("CUDA", "Tensorrt", "GPU")):
        carried, p95_ms = streams(detector, 2, 6)
        return [], f"no GPU here, figure open; the same code on {provider}: {carried:.2f} streams, p95 {p95_ms:.0f} ms a batch of 2"
    carried, p95_ms = streams(detector, GPU_BATCH, GPU_BATCHES)
    figures = [
        Figure(f"1080p30 streams with tracker on {provider}", carried, "streams", "one stream", 1.0, "higher", 1.0),
        Figure(f"batch of {GPU_BATCH}, p95, on {provider}", p95_ms, "ms", "120 ms wanted", 120.0, "lower", 1.0),
    ]
    return figures, provider


def main() -> None:
    if not CLIP.is_file():
        fail(f"{CLIP} is not here; set SIGHTLINE_ASSETS")
    cv2.setNumThreads(1)
    # Analysis threads give way to the video; what they are compared with must do so too.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    analyzers.load(entry_points=False)
    inference.configure()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = [chain_figure(), *batch_figures(folder)]
        gpu, words = gpu_figures(folder)
        session = open_session(WEIGHTS / f"{MODEL}.onnx")
        notes = {
            "runs on": session.provider,
            "threads": session.threads,
            "GPU": words,
            "threads of python": threading.active_count(),
        }
    report("inference", figures + gpu, notes)


if __name__ == "__main__":
    main()
