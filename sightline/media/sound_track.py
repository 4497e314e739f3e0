"""The sound of a container: decoded beside the pictures, by the thread that reads them, and only while somebody wants it.

A damaged or unknown sound track never disturbs the pictures.
"""

import logging
from collections import deque
from collections.abc import Iterator
from typing import Any, cast

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from sightline.media.sound import SAMPLE_RATE_HZ, Samples, SoundRing

log = logging.getLogger(__name__)

AHEAD_LIMIT_NS = 3_000_000_000
"""Containers put sound and pictures of one moment up to some seconds apart; one that puts them further is not waited for."""
ESTRANGED_NS = 8_000_000_000
"""Sound whose timestamps are further from the pictures' than this has a clock of its own."""
FULL_SCALE = 32_768
PENDING_LIMIT = 500
FAULTS_LIMIT = 50
"""So many pieces in a row that cannot be decoded: the track is given up."""


class SoundTrack:
    """The first sound track of an open container. Used by the thread that reads the container."""

    def __init__(self, stream: AudioStream) -> None:
        self.ring = SoundRing()
        self._stream = stream
        self._resampler = _resampler()
        self._offset_ns: int | None = None
        self._picture_ns = 0
        self._heard_ns = 0
        """Own time up to which sound has been read."""
        self._pending: list[tuple[int, Samples]] = []
        self._correction_ns = 0
        self._faults = 0

    @classmethod
    def of(cls, container: InputContainer) -> "SoundTrack | None":
        """The track, or None when there is none that can be decoded."""
        for stream in container.streams.audio:
            # A codec that libav does not know has no context.
            if stream.codec_context is not None and stream.codec_context.sample_rate:
                return cls(stream)
        return None

    @property
    def is_wanted(self) -> bool:
        return self._faults < FAULTS_LIMIT and self.ring.is_wanted

    def packets(self, container: InputContainer, pictures: VideoStream) -> "Iterator[Packet[VideoStream]]":
        """All packets of the pictures; those of the sound are decoded on the way, while somebody wants them."""
        while True:
            is_wanted = self.is_wanted
            # Reading goes on where the last one stopped; what is not asked for is left out by libav.
            streams = (pictures, self._stream) if is_wanted else (pictures,)
            for packet in container.demux(*streams):
                if packet.stream_index != self._stream.index:
                    yield cast("Packet[VideoStream]", packet)
                elif packet.size:
                    self._take(packet)
                # The last packets have no time; after them there is nothing to go on with.
                if packet.dts is not None and self.is_wanted != is_wanted:
                    break
            else:
                return

    def in_step(self, packets: "Iterator[Packet[VideoStream]]") -> "Iterator[Packet[VideoStream]]":
        """Hold each packet of the pictures back until the sound of its moment has been read: a file then always sounds the same."""
        held: deque[Packet[VideoStream]] = deque()
        for packet in packets:
            held.append(packet)
            while held and self._may_pass(held[0], held[-1]):
                yield held.popleft()
        yield from held

    def follow(self, offset_ns: int, picture_ns: int) -> None:
        """Tell how the clock of the pictures given out relates to the container's, with every picture."""
        self._offset_ns, self._picture_ns = offset_ns, picture_ns
        pending, self._pending = self._pending, []
        for own_ns, samples in pending:
            self._write(own_ns, samples)

    def begin_again(self) -> None:
        """The container was wound back."""
        self._stream.codec_context.flush_buffers()
        self._resampler = _resampler()
        self._offset_ns, self._pending, self._heard_ns = None, [], 0

    def _may_pass(self, packet: "Packet[VideoStream]", newest: "Packet[VideoStream]") -> bool:
        # The last packet of a container is empty and has no time.
        if not self.is_wanted or packet.dts is None or newest.dts is None:
            return True
        due_ns = _ns(packet.dts, packet.time_base)
        return self._heard_ns >= due_ns or _ns(newest.dts, newest.time_base) - due_ns > AHEAD_LIMIT_NS

    def _take(self, packet: "Packet[Any]") -> None:
        try:
            frames = packet.decode()
        except av.error.FFmpegError as err:
            self._failed(err)
            return
        for frame in frames:
            if isinstance(frame, AudioFrame):
                self._hear(frame)

    def _hear(self, frame: AudioFrame) -> None:
        own_ns = self._heard_ns if frame.pts is None else _ns(frame.pts, frame.time_base)
        try:
            parts = [part.to_ndarray().reshape(-1) for part in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError) as err:
            # The format of the sound may change on the way; a resampler is made for one.
            self._resampler = _resampler()
            self._failed(err)
            return
        self._faults = 0
        self._heard_ns = own_ns + round(frame.samples * 1e9 / frame.sample_rate)
        if parts:
            self._write(own_ns, np.concatenate(parts).astype(np.float32) / np.float32(FULL_SCALE))

    def _write(self, own_ns: int, samples: Samples) -> None:
        if self._offset_ns is None:
            # Before the first picture nobody knows where its clock begins.
            self._pending = [*self._pending[-PENDING_LIMIT:], (own_ns, samples)]
            return
        pts_ns = own_ns + self._offset_ns + self._correction_ns
        if abs(pts_ns - self._picture_ns) > ESTRANGED_NS:
            self._correction_ns += self._picture_ns - pts_ns
            pts_ns = self._picture_ns
        self.ring.write(pts_ns, samples)

    def _failed(self, err: Exception) -> None:
        self._faults += 1
        if self._faults == FAULTS_LIMIT:
            log.warning("The sound cannot be decoded (%s); going on without it", type(err).__name__)


def _resampler() -> AudioResampler:
    # Only for whole numbers libav takes the mean of several channels; as floats they add up beyond the full scale.
    return AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)


def _ns(ticks: int, base: Any) -> int:
    return int(ticks * base * 1_000_000_000)
