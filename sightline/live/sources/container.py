"""Reads any stream or file that libav can take apart. Shared by RTSP, RTMP, HLS, HTTP video and files."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sightline.live.sources.av_faults import from_av, source_error
from sightline.live.sources.backlog import Backlog
from sightline.live.sources.pacing import Pacer
from sightline.live.sources.source import PIXELS_LIMIT, Captured, ClosingSource, SourceInfo
from sightline.media.address import SourceKind
from sightline.media.av_picture import picture_of
from sightline.media.sound_track import SoundTrack

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 10.0
BAD_PACKETS_LIMIT = 150
"""So many packets in a row without one picture: the stream is not usable. 5 s at 30 fps."""
ONE_THREAD_PIXELS = 1920 * 1088
"""Up to this size one thread decodes in time, and costs less CPU than several do."""
DEFAULT_FPS = 25.0


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """How to open and play a container."""

    kind: SourceKind
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """For libav; made by our own code only, never by a user."""
    is_live: bool = True
    """True: pictures are taken as they come, with the least delay. False: played at their recorded rate."""
    loop: bool = False
    io_open: Any = None
    """Opens what the container itself refers to (segments of HLS)."""


def open_container(file: Any, plan: ContainerPlan, stop: threading.Event) -> "ContainerSource":
    """Open `file` (URL, path or readable object) with libav.

    Raises:
        SourceError: classified.
    """
    try:
        container = av.open(
            file, format=plan.format, container_options=dict(plan.options), timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
            metadata_errors="replace", io_open=plan.io_open,
        )  # fmt: skip
    except av.error.FFmpegError as err:
        raise from_av(err) from err
    try:
        return ContainerSource(container, plan, stop)
    except BaseException:
        container.close()
        raise


class ContainerSource(ClosingSource):
    """Pictures of the first video stream of an open container."""

    def __init__(self, container: InputContainer, plan: ContainerPlan, stop: threading.Event) -> None:
        if not container.streams.video:
            raise source_error("corrupt", "It holds no video.")
        self._container = container
        self._plan = plan
        self._stop = stop
        self._stream = container.streams.video[0]
        _prepare_decoder(self._stream)
        self._clock = _Clock(self._stream)
        self._track = SoundTrack.of(container)
        self._pacer = None if plan.is_live else Pacer(stop)
        self.info = _info(container, self._stream, plan.kind)

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Captured]:
        try:
            yield from self._play()
        except av.error.FFmpegError as err:
            raise from_av(err) from err

    def _play(self) -> Iterator[Captured]:
        while not self._stop.is_set():
            has_picture = False
            for frame in self._frames():
                has_picture = True
                pts_ns = self._clock.pts_ns(frame)
                if self._track is not None:
                    self._track.follow(self._clock.offset_ns, pts_ns)
                if self._stop.is_set() or (self._pacer is not None and not self._pacer.wait(pts_ns)):
                    return
                sound = self._track.ring if self._track is not None else None
                yield Captured.now(picture_of(frame), pts_ns, is_keyframe=frame.key_frame, sound=sound)
            if not has_picture and not self._stop.is_set():
                raise source_error("corrupt")
            if not self._plan.loop:
                return
            self._container.seek(0)
            self._clock.begin_again()
            if self._track is not None:
                self._track.begin_again()

    def _frames(self) -> Iterator[VideoFrame]:
        """Decoded frames up to the end of the container; single bad packets are passed over."""
        bad = 0
        for packet in self._packets():
            if self._stop.is_set():
                return
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as err:
                bad += 1
                if bad > BAD_PACKETS_LIMIT:
                    raise from_av(err) from err
                continue
            if frames:
                bad = 0
            for frame in frames:
                assert isinstance(frame, VideoFrame)
                yield frame

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """The packets of the stream; of a live one those that can still be shown in time."""
        packets = self._demuxed()
        if not self._plan.is_live:
            yield from packets
            return
        backlog = Backlog(time.monotonic_ns())
        while True:
            asked_ns = time.monotonic_ns()
            packet = next(packets, None)
            if packet is None:
                return
            now_ns = time.monotonic_ns()
            if backlog.wants(packet.is_keyframe, now_ns - asked_ns, now_ns):
                yield packet
            elif backlog.skipped == 1:
                log.warning("Decoding is too slow for this stream: pictures are left out so that it stays live")

    def _demuxed(self) -> "Iterator[Packet[VideoStream]]":
        if self._track is None:
            return self._container.demux(self._stream)
        packets = self._track.packets(self._container, self._stream)
        return packets if self._plan.is_live else self._track.in_step(packets)


class _Clock:
    """Gives pts in nanoseconds that never go back: over loops, over missing and over jumping timestamps."""

    def __init__(self, stream: VideoStream) -> None:
        self._base = stream.time_base or Fraction(1, 90_000)
        fps = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
        self._step_ns = round(1e9 / min(max(fps, 1.0), 240.0))
        self._first_ns: int | None = None
        self._offset_ns = 0
        self._last_ns = -self._step_ns

    @property
    def offset_ns(self) -> int:
        """By how much the pts given out are ahead of the container's own."""
        return self._offset_ns

    def begin_again(self) -> None:
        """The next frame is the first of a new round."""
        self._first_ns = None

    def pts_ns(self, frame: VideoFrame) -> int:
        own_ns = None if frame.pts is None else round(frame.pts * (frame.time_base or self._base) * 1_000_000_000)
        if own_ns is not None and self._first_ns is None:
            self._first_ns = own_ns
            self._offset_ns = self._last_ns + self._step_ns - own_ns
        pts_ns = self._last_ns + self._step_ns if own_ns is None else own_ns + self._offset_ns
        if pts_ns <= self._last_ns:
            # The source's clock went back: go on from here.
            pts_ns = self._last_ns + self._step_ns
            if own_ns is not None:
                self._offset_ns = pts_ns - own_ns
        self._last_ns = pts_ns
        return pts_ns


def _prepare_decoder(stream: VideoStream) -> None:
    context = stream.codec_context
    pixels = context.width * context.height
    if pixels > PIXELS_LIMIT:
        raise source_error("codec_unsupported", f"Its pictures are too large ({context.width}×{context.height}).")
    # A later picture may be larger than the first.
    context.options = {**context.options, "max_pixels": str(PIXELS_LIMIT)}
    # Frame threads hold back one picture each: too much delay for a camera, unless it is too large for one thread.
    context.thread_type = ThreadType.NONE if pixels <= ONE_THREAD_PIXELS else ThreadType.AUTO
    context.thread_count = 1 if pixels <= ONE_THREAD_PIXELS else 2


def _info(container: InputContainer, stream: VideoStream, kind: SourceKind) -> SourceInfo:
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate and 0.1 <= float(rate) <= 240 else None
    context = stream.codec_context
    return SourceInfo(
        kind, context.name, context.width or None, context.height or None, fps,
        has_audio=bool(container.streams.audio), has_b_frames=bool(context.has_b_frames),
    )  # fmt: skip
