"""Frames of a video file, decoded as fast as they are asked for: for jobs, replays and measurements."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sightline.errors import Invalid
from sightline.media.av_picture import picture_of
from sightline.media.demux import CONTAINERS
from sightline.media.frame import Frame
from sightline.media.sound_track import SoundTrack
from sightline.media.tone_map import Light, light_of

DEFAULT_FPS = 25.0
BAD_PACKETS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Footage:
    """What a file says of itself. The size is that of upright pictures."""

    width_px: int
    height_px: int
    fps: float
    duration_s: float
    has_sound: bool
    codec: str
    light: Light = Light.PLAIN
    sample_aspect: Fraction = Fraction(1)
    """How much wider than high a pixel of an upright picture is shown."""

    @property
    def shown_width_px(self) -> int:
        """With square pixels."""
        return round(self.width_px * self.sample_aspect)


def footage_of(path: Path) -> Footage:
    """Look into a file. Raises: Invalid (`unreadable_video`)."""
    with _open(path) as container:
        stream = _stream(container)
        rate = stream.average_rate or stream.guessed_rate
        duration_s = (container.duration or 0) / av.time_base
        first = next(_decoded(container, stream), None)
        if first is None:
            raise _unreadable(path)
        picture = picture_of(first)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        return Footage(
            picture.width_px, picture.height_px, float(rate) if rate else DEFAULT_FPS, duration_s, bool(container.streams.audio),
            stream.codec_context.name, light_of(first),
            1 / aspect if round(first.rotation) % 180 == 90 else aspect,
        )  # fmt: skip


def frames_of(path: Path, camera_id: str = "file") -> Iterator[Frame]:
    """All frames of a file, upright. Times count from its first frame, and no clock of ours is read.

    Raises:
        Invalid: `unreadable_video`.
    """
    with _open(path) as container:
        stream, track = _stream(container), SoundTrack.of(container)
        step_ns = round(1e9 / float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS))
        first_s: float | None = None
        last_ns = -step_ns
        for seq, frame in enumerate(_decoded(container, stream, track), 1):
            own_s = frame.time
            if own_s is not None and first_s is None:
                first_s = own_s
            pts_ns = last_ns + step_ns if own_s is None or first_s is None else round((own_s - first_s) * 1e9)
            # A file whose clock goes back still plays forward.
            last_ns = pts_ns if pts_ns > last_ns else last_ns + step_ns
            if track is not None:
                track.follow(last_ns - round((own_s or 0.0) * 1e9), last_ns)
            yield Frame(
                camera_id, seq, last_ns, last_ns, last_ns / 1e9, picture_of(frame), track.ring if track is not None else None
            )


def _open(path: Path) -> InputContainer:
    try:
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.error.FFmpegError as err:
        raise _unreadable(path) from err


def _stream(container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise Invalid("The file has no picture, only sound.", code="no_video")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return stream


def _decoded(container: InputContainer, stream: VideoStream, track: SoundTrack | None = None) -> Iterator[VideoFrame]:
    """Frames up to the end; single damaged packets are passed over, as players do."""
    bad = 0
    packets = container.demux(stream) if track is None else track.in_step(track.packets(container, stream))
    for packet in packets:
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            bad += 1
            if bad > BAD_PACKETS_LIMIT:
                return
            continue
        for frame in frames:
            assert isinstance(frame, VideoFrame)
            yield frame


def _unreadable(path: Path) -> Invalid:
    return Invalid(f"{path.name} cannot be read: it is damaged, or of a format that is not known here.", code="unreadable_video")
