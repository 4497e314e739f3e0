"""Tells music and logos from footage by their bytes, never by their names, and reads logos.

Run as `python -m sightline.media.extra_files PATH` by `extras`; called by jobs where they work on the file.
"""

import json
import sys
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from PIL import Image as PilImage

from sightline.errors import Invalid
from sightline.media.extras import LARGEST_SIDE_PX, Extra, refusal

MUSIC_CONTAINERS = "mp3,wav,flac,ogg,aac,aiff,mov,mp4,matroska,webm"
PICTURE_HEADS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
HEAD_BYTES = 8
MOST_PIXELS = 25_000_000
LARGEST_LOGO_BYTES = 30_000_000
LEAST_MUSIC_S, LONGEST_MUSIC_S = 1.0, 3 * 3600.0


def extra_of(path: Path) -> Extra | None:
    """What a file is beside footage; None: it is footage, or nothing that is known. Used where the file is worked on.

    Raises:
        Invalid: it is damaged, too large or too long.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PICTURE_HEADS):
        _check_logo(path)
        return Extra.LOGO
    return Extra.MUSIC if _is_music(path) else None


def read_logo(path: Path) -> PilImage.Image:
    """The picture with transparency. Raises: Invalid."""
    _check_logo(path)
    try:
        with PilImage.open(path, formats=("PNG", "JPEG")) as picture:
            return picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as err:
        raise refusal("logo_damaged") from err


def _check_logo(path: Path) -> None:
    """Its size as its head tells it, before anything is unpacked."""
    if path.stat().st_size > LARGEST_LOGO_BYTES:
        raise refusal("logo_too_large")
    try:
        with PilImage.open(path, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            is_too_large = max(width, height) > LARGEST_SIDE_PX or width * height > MOST_PIXELS
            if not is_too_large:
                picture.verify()
    except PilImage.DecompressionBombError as err:
        raise refusal("logo_too_large") from err
    except (OSError, SyntaxError, ValueError) as err:
        raise refusal("logo_damaged") from err
    if is_too_large:
        raise refusal("logo_too_large")


def _is_music(path: Path) -> bool:
    options = {"format_whitelist": MUSIC_CONTAINERS, "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            covers = [
                stream for stream in container.streams.video if stream.disposition & stream.disposition.__class__.attached_pic
            ]
            if not container.streams.audio or len(covers) < len(container.streams.video):
                return False
            # Some containers do not tell a length; looking for the end of the packets does.
            duration_s = (container.duration or 0) / av.time_base or _last_packet_s(container)
    except (av.error.FFmpegError, UnicodeDecodeError):
        return False
    if not LEAST_MUSIC_S <= duration_s <= LONGEST_MUSIC_S:
        raise refusal("bad_music_length")
    return True


def _last_packet_s(container: InputContainer) -> float:
    ends_s = (float((packet.pts or 0) * (packet.time_base or 0)) for packet in container.demux(audio=0) if packet.pts is not None)
    return max(ends_s, default=0.0)


def main(arguments: list[str]) -> int:
    """Print what `arguments[0]` is as JSON; the other end of `probe_extra`."""
    av.logging.set_level(av.logging.PANIC)
    try:
        answer = {"extra": extra_of(Path(arguments[0])) or ""}
    except Invalid as err:
        answer = {"problem": err.code}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
