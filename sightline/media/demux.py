"""Reads what a video file is from its container, without decoding a picture.

Run as `python -m sightline.media.demux PATH` by `probe`; with `-` it reads the address of a file in our storage from its standard
input. Only plain containers are opened: a playlist or script would make the demuxer open what it names.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from sightline.errors import SightlineError
from sightline.media.probe import VideoInfo, refusal

CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,m4v,3gp"
READ_TIMEOUT_US = 10_000_000
END_TOLERANCE_S = 2.0
"""The last picture of a whole file lies at most this much, or a tenth of the duration, before the end it promises."""


def examine(path: Path) -> VideoInfo:
    """Examine a file in this process. Raises: as `probe_file`."""
    try:
        return _examine(str(path), {"protocol_whitelist": "file"})
    except (av.FFmpegError, UnicodeDecodeError) as err:
        raise refusal("incomplete_video" if _has_mp4_head(path) else "not_a_video") from err


def examine_url(url: str) -> VideoInfo:
    """Examine a file of our storage, over HTTP. Raises: as `probe_url`."""
    options = {"protocol_whitelist": "http,https,tcp,tls", "rw_timeout": str(READ_TIMEOUT_US)}
    try:
        return _examine(url, options)
    except (av.FFmpegError, UnicodeDecodeError) as err:
        raise refusal("not_a_video") from err


def _examine(place: str, options: dict[str, str]) -> VideoInfo:
    with av.open(place, options={"format_whitelist": CONTAINERS, **options}) as container:
        return _info(container)


def _info(container: InputContainer) -> VideoInfo:
    stream = next((s for s in container.streams.video if not _is_cover(s)), None)
    if stream is None or stream.codec_context is None or not stream.codec_context.width:
        raise refusal("not_a_video")
    context = stream.codec_context
    duration_s = container.duration / av.time_base if container.duration else None
    if duration_s:
        _check_end(container, stream, duration_s)
    return VideoInfo(
        context.width, context.height, context.name, duration_s, float(stream.average_rate or stream.guessed_rate or 0) or None
    )


def _check_end(container: InputContainer, stream: VideoStream, duration_s: float) -> None:
    """Read the packets at the promised end: in a cut-off file they are not there."""
    tolerance_s = max(END_TOLERANCE_S, duration_s / 10)
    container.seek(max(0, int((duration_s - tolerance_s) * av.time_base)))
    base = float(stream.time_base or 0)
    start_s = (stream.start_time or 0) * base
    packets = [packet for packet in container.demux(stream) if packet.pts is not None and packet.size]
    ends_s = [float(packet.pts or 0) * base - start_s for packet in packets]
    if not ends_s or max(ends_s) < duration_s - tolerance_s or any(packet.is_corrupt for packet in packets):
        raise refusal("incomplete_video")


def _is_cover(stream: VideoStream) -> bool:
    # Music files carry their cover as a "video" of one picture.
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def _has_mp4_head(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[4:8] == b"ftyp"


def main(arguments: list[str]) -> int:
    """Print what `arguments[0]` is as JSON; the other end of `probe_file`."""
    av.logging.set_level(av.logging.PANIC)
    try:
        place = arguments[0]
        answer: dict[str, Any] = asdict(examine_url(sys.stdin.read()) if place == "-" else examine(Path(place)))
    except SightlineError as err:
        answer = {"problem": err.code}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
