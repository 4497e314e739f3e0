"""Keeps one camera's pictures coming: opens its source, watches it, opens it again.

Owns two daemon threads per running camera: `capture-ID` reads, `watch-ID` notices when it has fallen silent although the read
still blocks. Called by the camera; calls `on_frame` from the reading thread and `on_state` from either, one call at a time.

    idle → connecting → live ⇄ stalled → backoff → connecting …     ended (a file played once)     stopped
"""

import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sightline.errors import SOURCE_CODES, NotFound, SightlineError, SourceError
from sightline.live.backoff import Backoff
from sightline.live.sources import Captured, Source, open_source
from sightline.media.address import AddressPolicy, CheckedAddress, SourceAddress, SourceKind, parse_source, redact
from sightline.media.frame import Frame
from sightline.media.source_options import SourceOptions

log = logging.getLogger(__name__)

WATCH_INTERVAL_S = 0.5
STALLED_AFTER_S = 3.0
STALLED_AFTER_HLS_S = 12.0
"""HLS brings whole segments at a time."""
STALLED_AFTER_INTERVALS = 4.0
"""A camera of less than one picture a second is not stalled because it is slow."""
WEDGED_AFTER_S = 30.0
"""Every blocking call has a shorter limit than this; a thread that is silent for longer hangs in native code."""
FROZEN_AFTER_S = 30.0
FROZEN_LOOK_INTERVAL_NS = 1_000_000_000
FROZEN_LUMA_WIDTH_PX = 160
STOP_TIMEOUT_S = 3.0

StateName = Literal["idle", "connecting", "live", "stalled", "backoff", "ended", "stopped"]
Opener = Callable[[CheckedAddress, SourceOptions, threading.Event], Source]


@dataclass(frozen=True, slots=True)
class CaptureState:
    """What an operator may know about the capture of a camera."""

    state: StateName = "idle"
    reason: str = ""
    """One of SOURCE_CODES, `stalled`, `frozen`, or nothing."""
    message: str = ""
    """In words; no credentials."""
    since_s: float = 0.0
    """Epoch seconds at which `state` began."""
    retry_in_s: float | None = None
    """Seconds from `since_s` to the next try; in `backoff` only."""
    kind: SourceKind | None = None
    codec: str | None = None
    width: int | None = None
    """Picture width in px."""
    height: int | None = None
    """Picture height in px."""
    source_fps: float | None = None
    """As the source declares it."""
    reconnects: int = 0
    """How often pictures came again over a new connection."""
    stalls: int = 0


@dataclass(slots=True)
class _Run:
    """One reading thread. An abandoned one finds that it is no longer the current run and has no effect."""

    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    progress_s: float = field(default_factory=time.monotonic)
    """Monotonic time of the last sign of life."""
    is_handing_on: bool = False
    """The camera has a picture in hand. In exact mode it may keep the reading thread for long: no silence of the source."""
    live_since_s: float | None = None
    after_stall: int = 0
    """Pictures since the stall."""
    fingerprint: int | None = None
    fingerprint_ns: int = 0
    changed_ns: int = 0


class Capture:
    """Reads one source on a thread of its own until it is stopped."""

    def __init__(
        self,
        camera_id: str,
        source_text: str,
        source_options: Mapping[str, object],
        policy: AddressPolicy,
        on_frame: Callable[[Frame], None],
        on_state: Callable[[CaptureState], None],
        *,
        opener: Opener = open_source,
    ) -> None:
        """`on_state` must not call `stop`.

        Raises:
            Invalid: the address or an option is wrong.
        """
        self._camera_id = camera_id
        self._address: SourceAddress = parse_source(source_text)
        self._options = SourceOptions.parse(source_options)
        self._policy = policy
        self._on_frame = on_frame
        self._on_state = on_state
        self._opener = opener
        self._lock = threading.RLock()
        self._state = CaptureState(kind=self._address.kind, since_s=time.time())
        self._run: _Run | None = None
        self._backoff = Backoff()
        self._seq = 0
        self._pts_ns = 0
        self._pts_offset_ns = 0

    @property
    def state(self) -> CaptureState:
        return self._state

    def start(self) -> None:
        """Begin; does nothing when it runs already."""
        with self._lock:
            if self._run is not None:
                return
            self._backoff = Backoff()
            run = self._begin_run()
        threading.Thread(target=self._watch, args=(run,), name=f"watch-{self._camera_id}", daemon=True).start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End; a read that hangs in native code is left behind after `timeout_s` and ends by itself at its own limit."""
        with self._lock:
            run, self._run = self._run, None
        if run is None:
            return
        run.stop.set()
        if run.thread is not None and run.thread is not threading.current_thread():
            run.thread.join(timeout_s)
            if run.thread.is_alive():
                log.warning("%s: the source does not let go, leaving its thread behind", self._camera_id)
        with self._lock:
            if self._run is None:
                self._publish("stopped")

    def _begin_run(self) -> _Run:
        run = _Run()
        run.thread = threading.Thread(target=self._read, args=(run,), name=f"capture-{self._camera_id}", daemon=True)
        self._run = run
        run.thread.start()
        return run

    # --- reading thread

    def _read(self, run: _Run) -> None:
        while not run.stop.is_set():
            fault = self._read_once(run)
            if run.live_since_s is not None:
                self._backoff.succeeded(time.monotonic() - run.live_since_s)
                run.live_since_s = None
            if fault is None:
                self._change(run, "ended", "ended", "The file is over.")
                return
            if run.stop.is_set():
                return
            wait_s = self._backoff.next_s(time.monotonic(), is_refused=fault.code == "auth_failed")
            log.info("%s: %s (%s), trying again in %.1f s", self._camera_id, fault.message, fault.code, wait_s)
            self._change(run, "backoff", fault.code, fault.message, retry_in_s=round(wait_s, 1))
            run.progress_s = time.monotonic() + wait_s
            if run.stop.wait(wait_s):
                return
            self._change(run, "connecting", fault.code, fault.message)

    def _read_once(self, run: _Run) -> SourceError | None:
        """Open the source and read it to its end. None: a file is over; otherwise why it ended."""
        run.progress_s = time.monotonic()
        try:
            if self._state.state != "connecting":
                self._change(run, "connecting", "", "")
            checked = self._policy.check(self._address)
            with self._opener(checked, self._options, run.stop) as source:
                self._deliver_all(run, source)
        except SightlineError as err:
            return _as_source_error(err)
        except Exception:
            log.exception("%s: capture failed", self._camera_id)
            return SourceError("Reading the camera failed unexpectedly. The log of the engine says more.", code="corrupt")
        if self._address.kind == "file" and not self._options.loop:
            return None
        return SourceError("The camera has ended its stream.", code="ended")

    def _deliver_all(self, run: _Run, source: Source) -> None:
        is_first = True
        for captured in source:
            if run.stop.is_set() or run is not self._run:
                return
            run.progress_s = time.monotonic()
            if is_first:
                # A new connection's clock goes on where the last one's ended.
                self._pts_offset_ns = self._pts_ns + (1_000_000 if self._seq else 0) - captured.pts_ns
                if captured.sound is not None:
                    captured.sound.set_offset_ns(self._pts_offset_ns)
                is_first = False
            self._notice(run, captured, source)
            run.is_handing_on = True
            self._deliver(captured)
            run.progress_s = time.monotonic()
            run.is_handing_on = False

    def _deliver(self, captured: Captured) -> None:
        self._seq += 1
        self._pts_ns = max(captured.pts_ns + self._pts_offset_ns, self._pts_ns + (1 if self._seq > 1 else 0))
        times = (captured.captured_ns, captured.wall_time_s)
        self._on_frame(Frame(self._camera_id, self._seq, self._pts_ns, *times, captured.picture, captured.sound))

    def _notice(self, run: _Run, captured: Captured, source: Source) -> None:
        """Bring the state up to date with a picture that has come."""
        picture = captured.picture
        is_frozen = self._address.is_live and self._is_frozen(run, captured)
        if is_frozen:
            if self._state.reason != "frozen":
                self._change(
                    run, "stalled", "frozen", "The camera sends the same picture again and again.", stalls=self._state.stalls + 1
                )
            return
        state = self._state
        if state.state == "live" and (state.width, state.height) == (picture.width_px, picture.height_px):
            return
        if state.reason == "stalled":
            # libav gives out the last picture that it held back when a read fails: one picture is no recovery yet.
            run.after_stall += 1
            if run.after_stall < 2:
                return
        run.after_stall = 0
        is_again = run.live_since_s is None and self._seq > 0
        if run.live_since_s is None:
            run.live_since_s = time.monotonic()
        info = source.info
        log.info("%s: live, %dx%d", self._camera_id, picture.width_px, picture.height_px)
        self._change(
            run, "live", "", "", codec=info.codec, width=picture.width_px, height=picture.height_px, source_fps=info.fps,
            reconnects=state.reconnects + is_again,
        )  # fmt: skip

    def _is_frozen(self, run: _Run, captured: Captured) -> bool:
        """Whether the picture has not changed in a single point for long. A real camera always has some noise."""
        now_ns = captured.captured_ns
        if now_ns - run.fingerprint_ns >= FROZEN_LOOK_INTERVAL_NS:
            run.fingerprint_ns = now_ns
            fingerprint = zlib.crc32(captured.picture.luma(FROZEN_LUMA_WIDTH_PX).tobytes())
            if fingerprint != run.fingerprint:
                run.fingerprint, run.changed_ns = fingerprint, now_ns
        return now_ns - run.changed_ns >= FROZEN_AFTER_S * 1e9

    # --- watching thread

    def _watch(self, run: _Run) -> None:
        while not run.stop.wait(WATCH_INTERVAL_S):
            silent_s = 0.0 if run.is_handing_on else time.monotonic() - run.progress_s
            with self._lock:
                if run is not self._run or run.thread is None or not run.thread.is_alive():
                    return
                if self._state.state == "live" and silent_s > self._stalled_after_s():
                    self._change(
                        run, "stalled", "stalled", "No picture comes although the connection stands.", stalls=self._state.stalls + 1
                    )
                if silent_s > WEDGED_AFTER_S:
                    log.warning("%s: the source hangs, starting over", self._camera_id)
                    run.stop.set()
                    run = self._begin_run()

    def _stalled_after_s(self) -> float:
        limit_s = STALLED_AFTER_HLS_S if self._address.kind == "hls" else STALLED_AFTER_S
        fps = self._state.source_fps
        return limit_s if not fps else max(limit_s, STALLED_AFTER_INTERVALS / fps)

    # --- both

    def _change(self, run: _Run, state: StateName, reason: str, message: str, **more: object) -> None:
        """Publish a new state, unless `run` has been abandoned."""
        with self._lock:
            if run is self._run and not run.stop.is_set():
                self._publish(state, reason, message, **more)

    def _publish(self, state: StateName, reason: str = "", message: str = "", **more: object) -> None:
        with self._lock:
            since_s = self._state.since_s if state == self._state.state else time.time()
            changes: dict[str, object] = {"retry_in_s": None, **more}
            self._state = replace(
                self._state, state=state, reason=reason, message=redact(message), since_s=since_s, **changes  # type: ignore[arg-type]
            )  # fmt: skip
            self._on_state(self._state)


def _as_source_error(err: SightlineError) -> SourceError:
    """Policy and file errors in the codes of sources; the message stays."""
    if isinstance(err, SourceError) and err.code in SOURCE_CODES:
        return err
    return SourceError(err.message, code="not_found" if isinstance(err, NotFound) else "unreachable")
