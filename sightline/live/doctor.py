"""Examines a camera before it is added, or when it does not deliver: what works, what does not, and what to change.

Called by the engine on a thread of its own; opens the source on a further one, so that the time limit holds whatever blocks.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from sightline.errors import NotFound, SightlineError, SourceError
from sightline.live.sources import Captured, Source, SourceInfo, open_source
from sightline.live.sources.rtsp import answers
from sightline.media.address import AddressPolicy, CheckedAddress, SourceAddress, parse_source, redact
from sightline.media.source_options import SourceOptions

log = logging.getLogger(__name__)

TIMEOUT_S = 15.0
WATCH_S = 2.0
"""How long the rate is measured."""
KEYFRAME_WATCH_S = 6.0
"""How long a second keyframe is waited for."""
LONG_KEYFRAME_S = 3.0
SLOW_FPS = 8.0
LARGE_PIXELS = 1920 * 1088
CLOSE_WAIT_S = 1.0

CHECKS = ("address", "reachable", "auth", "stream", "codec", "first_picture", "fps", "keyframes")
_FAILED_CHECK = {
    "unreachable": "reachable", "auth_failed": "auth", "not_found": "stream", "timeout": "first_picture",
    "codec_unsupported": "codec", "corrupt": "stream", "ended": "first_picture",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was put to the camera."""

    name: str
    """One of CHECKS."""
    ok: bool | None
    """None: could not be asked, because an earlier one failed."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What the examination found; unknown values are None."""

    source: str
    """Redacted."""
    ok: bool
    checks: tuple[Check, ...]
    kind: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    """Measured."""
    keyframe_interval_s: float | None = None
    has_b_frames: bool | None = None
    has_audio: bool | None = None
    latency_hint: str | None = None
    advice: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable map."""
        return asdict(self) | {"checks": [asdict(check) for check in self.checks], "advice": list(self.advice)}


@dataclass(slots=True)
class _Findings:
    """What has been seen so far. Written by the reading thread alone."""

    info: SourceInfo | None = None
    fault: SourceError | None = None
    size_px: tuple[int, int] | None = None
    first_after_s: float | None = None
    pts_ns: list[int] = field(default_factory=list)
    keyframes_ns: list[int] = field(default_factory=list)

    @property
    def seen_s(self) -> float:
        return (self.pts_ns[-1] - self.pts_ns[0]) / 1e9 if self.pts_ns else 0.0

    @property
    def fps(self) -> float | None:
        return round((len(self.pts_ns) - 1) / self.seen_s, 2) if len(self.pts_ns) > 1 and self.seen_s > 0 else None

    @property
    def keyframe_interval_s(self) -> float | None:
        times = self.keyframes_ns
        return round((times[-1] - times[0]) / 1e9 / (len(times) - 1), 2) if len(times) > 1 else None


def examine(source_text: str, options: Mapping[str, object], policy: AddressPolicy, timeout_s: float = TIMEOUT_S) -> DoctorReport:
    """Examine a source; takes a few seconds, at most about `timeout_s`.

    Raises:
        Invalid, Forbidden: the address or an option is not acceptable at all.
    """
    address = parse_source(source_text)
    wanted = SourceOptions.parse(options)
    try:
        checked = policy.check(address)
    except (SourceError, NotFound) as err:
        return _report(address, _Findings(fault=SourceError(err.message, code="not_found")), "address")
    if address.host and not answers(checked):
        return _report(address, _Findings(fault=SourceError("Nothing answers at this address and port.", code="unreachable")))
    return _report(address, _watch(lambda stop: open_source(checked, wanted, stop), checked, timeout_s), options=wanted)


def _watch(open_it: Callable[[threading.Event], Source], checked: CheckedAddress, timeout_s: float) -> _Findings:
    found = _Findings()
    stop, done = threading.Event(), threading.Event()

    def read() -> None:
        begin_s = time.monotonic()
        try:
            with open_it(stop) as source:
                found.info = source.info
                for captured in source:
                    _note(found, captured, begin_s)
                    if stop.is_set() or _is_enough(found, begin_s, checked.address.is_live):
                        return
        except SourceError as err:
            found.fault = err
        except SightlineError as err:
            found.fault = SourceError(err.message, code="unreachable")
        except Exception:
            log.exception("Examining %s failed", checked.address.redacted)
            found.fault = SourceError("The examination failed unexpectedly. The log of the engine says more.", code="corrupt")
        finally:
            done.set()

    threading.Thread(target=read, name="doctor", daemon=True).start()
    if not done.wait(timeout_s):
        stop.set()
        done.wait(CLOSE_WAIT_S)
    if found.first_after_s is None and found.fault is None:
        found.fault = SourceError(f"No picture came within {timeout_s:.0f} s.", code="timeout")
    return found


def _note(found: _Findings, captured: Captured, begin_s: float) -> None:
    if found.first_after_s is None:
        found.first_after_s = time.monotonic() - begin_s
        # The colours are converted once: a picture that cannot be is a fault to find now.
        captured.picture.bgr()
    found.size_px = (captured.picture.width_px, captured.picture.height_px)
    found.pts_ns.append(captured.pts_ns)
    if captured.is_keyframe:
        found.keyframes_ns.append(captured.pts_ns)


def _is_enough(found: _Findings, begin_s: float, is_live: bool) -> bool:
    watched_s = time.monotonic() - begin_s - (found.first_after_s or 0.0)
    has_keyframes = len(found.keyframes_ns) > 1 or not is_live
    return watched_s >= KEYFRAME_WATCH_S or (watched_s >= WATCH_S and has_keyframes)


def _report(
    address: SourceAddress, found: _Findings, failed: str | None = None, options: SourceOptions | None = None
) -> DoctorReport:
    fault = found.fault if found.first_after_s is None else None
    if fault is not None and failed is None:
        failed = _FAILED_CHECK[fault.code]
    info = found.info
    width, height = found.size_px or (None, None)
    return DoctorReport(
        redact(address.redacted), fault is None, _checks(address, found, failed), address.kind, info.codec if info else None,
        width, height, found.fps, found.keyframe_interval_s, info.has_b_frames if info else None, info.has_audio if info else None,
        _latency(address, found) if fault is None else None, tuple(_advice(address, found, options or SourceOptions())),
    )  # fmt: skip


def _checks(address: SourceAddress, found: _Findings, failed: str | None) -> tuple[Check, ...]:
    if failed is None:
        return tuple(Check(name, True, _detail(name, address, found)) for name in CHECKS)
    at = CHECKS.index(failed)
    assert found.fault is not None
    return (
        *(Check(name, True, _detail(name, address, found)) for name in CHECKS[:at]),
        Check(failed, False, redact(found.fault.message)),
        *(Check(name, None, "Not examined, because of what failed before.") for name in CHECKS[at + 1 :]),
    )


def _detail(name: str, address: SourceAddress, found: _Findings) -> str:
    info = found.info
    if name == "auth":
        return "The password is accepted." if address.has_credentials else "No password is asked for."
    if name == "codec":
        return (info.codec or "") if info else ""
    if name == "first_picture" and found.first_after_s is not None and found.size_px is not None:
        return f"{found.size_px[0]}×{found.size_px[1]}, after {found.first_after_s:.1f} s"
    if name == "fps":
        declared = f" (declared: {info.fps:g})" if info and info.fps else ""
        return f"{found.fps:.1f} a second{declared}" if found.fps else "Too few pictures to measure."
    if name == "keyframes":
        interval_s = found.keyframe_interval_s
        return f"one every {interval_s:g} s" if interval_s is not None else f"fewer than two in {found.seen_s:.0f} s"
    return ""


def _latency(address: SourceAddress, found: _Findings) -> str | None:
    if address.kind == "hls":
        return "6 to 20 s: HLS brings the picture in segments of seconds. Use the camera's RTSP address for live view."
    if not address.is_live:
        return None
    if found.info and found.info.has_b_frames and found.fps:
        return f"about {2000 / found.fps:.0f} ms more than needed, because the camera sends B-frames"
    return "low: each picture is shown as soon as it comes"


def _advice(address: SourceAddress, found: _Findings, options: SourceOptions) -> list[str]:
    """What to change, most important first."""
    advice: list[str] = []
    info, interval_s = found.info, found.keyframe_interval_s
    if found.fault is not None and found.fault.code == "auth_failed":
        advice.append("Check user name and password. Some cameras lock the account for some minutes after a few wrong ones.")
    if found.first_after_s is None or info is None:
        return advice
    if address.is_live and interval_s is None and info.codec not in ("mjpeg", "jpeg") and found.seen_s > LONG_KEYFRAME_S:
        interval_s = found.seen_s
    if address.is_live and interval_s is not None and interval_s > LONG_KEYFRAME_S:
        advice.append(
            f"Keyframe interval {interval_s:.0f} s or more: after a reconnect the first picture may take that long. "
            "Set 1 to 2 s in the camera."
        )
    if address.is_live and info.has_b_frames:
        advice.append("The camera sends B-frames, which add delay. Set the profile to Baseline, or B-frames to 0.")
    if found.size_px is not None and found.size_px[0] * found.size_px[1] > LARGE_PIXELS:
        advice.append("The picture is larger than Full HD and costs much computing time. A second stream of the camera may do.")
    if found.fps is not None and found.fps < SLOW_FPS:
        advice.append(f"Only {found.fps:g} pictures a second: tracking works better with {SLOW_FPS:g} or more.")
    if address.kind == "rtsp" and options.rtsp_transport == "udp":
        advice.append("UDP loses data on a busy network. If the picture breaks up, use TCP.")
    return advice
