"""One running camera: capture → chain → hub, with analysis beside it.

Threads: the capture's own calls `_on_frame` and `_on_state`; the chain thread, owned here, filters, paints and publishes. The
engine calls the public methods from any thread; those that start or stop a capture block for up to 3 s.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from typing import Any

from sightline.analysis.foremost import foremost
from sightline.errors import SOURCE_CODES, Conflict, Invalid, NotFound, SightlineError, SourceError
from sightline.live.capture import CaptureState
from sightline.live.chain_runner import ChainRunner
from sightline.live.context import CameraConfig, LiveContext, Reader
from sightline.live.counters import CameraCounters
from sightline.live.hub import Hub, Shot, encode_jpeg
from sightline.live.journal import Journal, Seen
from sightline.live.motion import MotionEpisodes
from sightline.live.nosignal import no_signal_frame
from sightline.live.slot import Slot
from sightline.live.state import camera_status
from sightline.live.status import CameraStatus, Snapshot
from sightline.media.chain import ChainSpec
from sightline.media.findings import Box, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.packet import View
from sightline.media.stage import Target, stage
from sightline.media.wanted import shown_analyzers, wanted_analyzers
from sightline.records.events import Event
from sightline.vision.paint import drawable, paint

log = logging.getLogger(__name__)

VIEWS: tuple[View, ...] = ("processed", "raw")
NO_SIGNAL_PERIOD_S = 1.0
STOP_CAPTURE_S = 3.0
SNAPSHOT_TIMEOUT_S = 5.0
MOTION_STAGE = "motion_detection"
TRACKING_STAGE = "object_tracking"


@dataclass(frozen=True, slots=True)
class Processed:
    """A picture after filters and paint, and what it shows."""

    frame: Frame
    image: Image
    findings: Mapping[str, Findings]


class LiveCamera:
    """A camera that the engine runs."""

    def __init__(self, config: CameraConfig, context: LiveContext) -> None:
        self.config = config
        self.hub = Hub(config.id, self._on_subscribe)
        self.runner = ChainRunner(config.id, context.resources, self.on_stage_event)
        self.motion = MotionEpisodes()
        self.counters = CameraCounters()
        self._context = context
        self._journal = Journal(self._emit)
        self._capture: Reader | None = None
        self._refusal: SightlineError | None = None
        self._control = threading.RLock()
        self._progress = threading.Condition()
        self._newest: Frame | None = None
        self._has_frame = False
        self._slot: Slot[Frame] = Slot()
        self._drops_at_reset = self._hub_drops_at_reset = 0
        self._cpu_ns = 0
        self._requests: deque[Future[Processed]] = deque()
        self._must_refresh = False
        self._shown: frozenset[str] = frozenset()
        self._seq_base, self._pts_base_ns = 0, 0
        self._is_deleted = False
        self._stopped_at_s = time.time()
        context.analysis.watch(config.id, self)
        self._use_chain(config.chain)
        self._thread = threading.Thread(target=self._work, name=f"chain-{config.id}", daemon=True)
        self._thread.start()
        if config.is_running:
            self._start_capture()

    def configure(self, config: CameraConfig) -> None:
        """Make this camera what `config` says; touches only what differs. A changed chain never restarts the stream."""
        with self._control:
            if self._is_deleted:
                raise NotFound(f"There is no camera {config.id!r}.", code="camera_not_found")
            before, self.config = self.config, config
            if config.chain != before.chain:
                self._use_chain(config.chain)
            source_changed = (config.source, config.source_options) != (before.source, before.source_options)
            if source_changed or not config.is_running:
                self._refusal = None
                self._stop_capture()
            # The same again is a start: a file that is over plays again, a lost camera is tried now and not in a minute.
            is_start = config == before and self._is_resting
            if config.is_running and (self._capture is None or is_start):
                self._stop_capture()
                self._start_capture()
        self._context.on_status(config.id)

    def close(self) -> None:
        """Stop everything; viewers get the end of their stream."""
        with self._control:
            self._is_deleted = True
            self._stop_capture()
        self._context.analysis.unwatch(self.config.id)
        self.hub.close()
        self._slot.close()
        self._thread.join(STOP_CAPTURE_S)
        for request in self._take_requests():
            request.set_exception(_no_frame())

    @property
    def is_live(self) -> bool:
        capture = self._capture
        return capture is not None and capture.state.state == "live" and self._has_frame

    @property
    def newest_frame(self) -> Frame | None:
        """The newest frame of this run, or None."""
        return self._newest

    @property
    def is_frozen(self) -> bool:
        """Whether frames come but show the same picture for long."""
        capture = self._capture
        return capture is not None and capture.state.reason == "frozen"

    def status(self) -> CameraStatus:
        capture = self._capture
        seen = capture.state if capture is not None else CaptureState("stopped", since_s=self._stopped_at_s)
        if self._refusal is not None:
            seen = replace(seen, reason="unreachable", message=self._refusal.message)
        return camera_status(self.config, seen, self.counters.captured.rate_hz(), self.hub)

    def wait_live(self, timeout_s: float) -> None:
        """Return once a frame of the current run has arrived.

        Raises:
            SourceError: it failed, with its classified code, or nothing came in time.
            Conflict: the camera is stopped.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._progress:
            while not self.is_live:
                self._raise_if_hopeless()
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise SourceError(f"No picture came within {timeout_s:g} s.", code="timeout")
                self._progress.wait(min(left_s, 0.5))

    def follow(self, box: Box | None, view: View = "raw") -> None:
        """Follow what is in `box`; None stops.

        Args:
            box: in pixels of the source picture.
            view: the picture that it was drawn on; filters may have moved what the processed one shows.

        Raises:
            Invalid: the box is empty or not within the picture. Conflict: no picture, or tracking is off.
        """
        target = None
        if box is not None:
            frame = self._newest
            if frame is None or not self.is_live:
                raise _no_frame()
            _check_box(box, frame.size_px)
            target = Target(clamp_box(self.runner.to_source(box), frame.size_px) if view == "processed" else box)
        is_followed = self._context.analysis.follow(self.config.id, TRACKING_STAGE, target)
        if box is not None and not is_followed:
            raise Conflict("Object tracking is switched off for this camera.", code="tracking_off")

    def snapshot(self, view: View, quality: int, width_px: int | None = None) -> Snapshot:
        """Encode the picture of this moment, scaled down to `width_px` (never up).

        Raises:
            Conflict: there is no live picture (code `no_frame`).
        """
        shot = self._processed_now() if view == "processed" else self._raw_now()
        image = shot.image if width_px is None else shrink_to_width(shot.image, width_px)
        height, width = image.shape[:2]
        jpeg = encode_jpeg(image, None, quality)
        frame = shot.frame
        return Snapshot(
            jpeg, view, frame.seq, frame.pts_ns, frame.wall_time_s, width, height, tuple(shot.findings.values())
        )  # fmt: skip

    def findings_now(self) -> dict[str, Findings]:
        """By analyzer: what is known about the newest frame."""
        frame = self._newest
        return self._context.analysis.carried(self.config.id, frame.pts_ns) if frame is not None else {}

    def reset_counters(self) -> None:
        self.counters.reset()
        self.motion.started = 0
        self._drops_at_reset, self._hub_drops_at_reset = self._slot.drops, self.hub.drops
        self._context.analysis.reset_counts(self.config.id)

    @property
    def chain_drops(self) -> int:
        """Frames that the filters were too slow for, since the last reset."""
        return self._slot.drops - self._drops_at_reset

    @property
    def encode_drops(self) -> int:
        """Pictures that the encoders were too slow for, since the last reset."""
        return self.hub.drops - self._hub_drops_at_reset

    def on_findings(self, findings: Findings) -> None:
        """Called by an analysis thread after each result."""
        if findings.analyzer == MOTION_STAGE:
            change = self.motion.see(bool(findings.detections), findings.pts_ns)
            if change is not None:
                words = "Motion began." if change == "started" else "Motion ended."
                self._emit(f"motion.{change}", words, {"boxes": len(findings.detections)}, findings.pts_ns)
        for happening in findings.happenings:
            self._emit(happening.kind, happening.message, {"stage": findings.analyzer, **happening.facts}, findings.pts_ns)
        self._context.on_findings(self.config.id)

    def on_stage_event(self, kind: str, stage_name: str, message: str) -> None:
        """Called by the chain thread or an analysis thread when a stage fails, recovers or falls behind."""
        label = stage(stage_name).label
        self._emit(kind, f"{label}: {message}" if message else f"{label} works again.", {"stage": stage_name})

    def _use_chain(self, spec: ChainSpec) -> None:
        wanted = wanted_analyzers(spec)
        if MOTION_STAGE not in wanted:
            self.motion.forget()
        self._shown = shown_analyzers(spec)
        self.runner.swap(spec)
        self._context.analysis.configure(self.config.id, wanted, spec.analysis)

    # Capture

    def _start_capture(self) -> None:
        frame = self._newest
        if frame is not None:
            # The next source counts from 1 and from its own zero; viewers see one monotone sequence.
            self._seq_base, self._pts_base_ns = frame.seq, frame.pts_ns + 1_000_000_000
        self._newest, self._has_frame = None, False
        self._journal.begin()
        try:
            capture = self._context.make_reader(self.config, self._on_frame, self._on_state)
        except SightlineError as err:
            # A row of the database that no longer reads: the camera stands there with the reason, the others run.
            log.warning("Camera %s: %s", self.config.id, err.message)
            self._refusal = err
            return
        self._capture, self._refusal = capture, None
        capture.start()

    def _stop_capture(self) -> None:
        capture = self._capture
        if capture is None:
            return
        capture.stop(STOP_CAPTURE_S)
        self._capture, self._has_frame = None, False
        self._stopped_at_s = time.time()
        self._journal.begin()
        self._context.analysis.restart(self.config.id)
        self.motion.forget()
        self._wake()
        self._context.on_status(self.config.id)

    @property
    def _is_resting(self) -> bool:
        return self._capture is not None and self._capture.state.state in ("ended", "stopped", "backoff")

    def _on_frame(self, frame: Frame) -> None:
        if self._seq_base:
            frame = replace(frame, seq=frame.seq + self._seq_base, pts_ns=frame.pts_ns + self._pts_base_ns)
        self._newest = frame
        self.counters.captured.add()
        self._count_decoding()
        if not self._has_frame:
            self._begin_run()
        self._context.analysis.submit(frame)
        if self.is_live:  # a camera that repeats one picture for ever still sends frames: viewers see "no signal"
            self._hand_on(frame)
        self._cpu_ns = time.thread_time_ns()

    def _hand_on(self, frame: Frame) -> None:
        if self.hub.wants("processed"):
            self._slot.put(frame)
        if self.hub.wants("raw"):
            self.hub.publish("raw", Shot(frame))

    def _count_decoding(self) -> None:
        """CPU time that the capture thread spent on this frame: waiting for the camera is no cost."""
        spent_ns = time.thread_time_ns() - self._cpu_ns
        if self._cpu_ns and spent_ns > 0:
            self.counters.decode_ms.add(spent_ns / 1e6)

    def _begin_run(self) -> None:
        self._has_frame = True
        with self._progress:
            self._progress.notify_all()

    def _on_state(self, seen: CaptureState) -> None:
        self._journal.see(Seen(seen.state, seen.reason, seen.message, (seen.width or 0, seen.height or 0)))
        self._wake()
        self._context.on_status(self.config.id)

    def _wake(self) -> None:
        self._slot.nudge()
        with self._progress:
            self._progress.notify_all()

    def _raise_if_hopeless(self) -> None:
        capture = self._capture
        if self._refusal is not None:
            raise self._refusal
        if capture is None or self._is_deleted:
            raise Conflict("The camera is stopped.", code="camera_stopped")
        seen = capture.state
        if seen.state in ("backoff", "ended"):
            code = seen.reason if seen.reason in SOURCE_CODES else ("ended" if seen.state == "ended" else "timeout")
            raise SourceError(seen.message or "The camera delivers no picture.", code=code)

    # Chain thread

    def _on_subscribe(self) -> None:
        self._must_refresh = True
        self._slot.nudge()

    def _work(self) -> None:
        is_failing = False
        while not self._slot.is_closed:
            frame = self._slot.take(self._patience_s())
            try:
                self._step(frame)
                is_failing = False
            except Exception:
                if not is_failing:  # once, not thirty times a second
                    log.exception("Camera %s: a frame could not be processed", self.config.id)
                is_failing = True

    def _patience_s(self) -> float | None:
        return NO_SIGNAL_PERIOD_S if self.hub.is_watched and not self.is_live else None

    def _step(self, frame: Frame | None) -> None:
        if not self.is_live:
            if self.hub.is_watched and not self._slot.is_closed:
                self._show_no_signal()
            return
        if frame is None and (self._requests or self._must_refresh):
            frame = self._newest
        if frame is not None:
            is_refresh, self._must_refresh = self._must_refresh, False
            self._process(frame)
            if is_refresh and self.hub.wants("raw"):
                self.hub.publish("raw", Shot(frame))

    def _process(self, frame: Frame) -> None:
        started_ns = time.monotonic_ns()
        findings = self._context.analysis.carried(self.config.id, frame.pts_ns)
        told = drawable(foremost(found for name, found in findings.items() if name in self._shown))
        image = self.runner.run(frame, self.config.name, findings, is_drawn_on=bool(told))
        filtered_ns = time.monotonic_ns()
        image = paint(image, told, self.runner.transform)
        ended_ns = time.monotonic_ns()
        self.counters.paint_ms.add((ended_ns - filtered_ns) / 1e6)
        self.counters.chain_ms.add((ended_ns - started_ns) / 1e6)
        self.counters.shown.add()
        self.hub.publish("processed", Shot(frame, image))
        for request in self._take_requests():
            request.set_result(Processed(frame, image, findings))

    def _show_no_signal(self) -> None:
        frame = no_signal_frame(self.status(), self._newest)
        if self.is_live:
            return  # it came back while this was drawn
        for view in VIEWS:
            self.hub.publish(view, Shot(frame, is_live=False))

    def _take_requests(self) -> list[Future[Processed]]:
        taken = []
        while self._requests:
            taken.append(self._requests.popleft())
        return taken

    def _processed_now(self) -> Processed:
        request: Future[Processed] = Future()
        if not self.is_live:
            raise _no_frame()
        self._requests.append(request)
        self._slot.nudge()
        try:
            return request.result(SNAPSHOT_TIMEOUT_S)
        except FutureTimeout as err:
            raise _no_frame() from err

    def _raw_now(self) -> Processed:
        frame = self._newest
        if frame is None or not self.is_live:
            raise _no_frame()
        return Processed(frame, frame.image, self._context.analysis.carried(self.config.id, frame.pts_ns))

    def _emit(self, kind: str, message: str, facts: Mapping[str, Any], pts_ns: int | None = None) -> None:
        if pts_ns is None and self._newest is not None:
            pts_ns = self._newest.pts_ns
        self._context.on_event(Event(self.config.id, kind, message, time.time(), pts_ns, dict(facts)))


def _check_box(box: Box, size_px: tuple[int, int]) -> None:
    x1, y1, x2, y2 = box
    width, height = size_px
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise Invalid(
            f"The box must lie within the picture of {width}x{height} pixels and not be empty.",
            code="bad_box", field="box", allowed={"width": width, "height": height},
        )  # fmt: skip


def _no_frame() -> Conflict:
    return Conflict("The camera delivers no picture at the moment.", code="no_frame")
