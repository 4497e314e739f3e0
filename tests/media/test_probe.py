"""What an uploaded file is, and what is not taken for a video."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.errors import Invalid, Unsupported
from sightline.media.demux import examine
from sightline.media.probe import probe_file


def clip(path: Path, seconds: float = 4.0, options: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.time_base = 64, 48, Fraction(1, 10)
        noise = np.random.default_rng(1)
        for number in range(int(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".ts"])
def test_a_whole_video_is_described(tmp_path: Path, suffix: str) -> None:
    info = examine(clip(tmp_path / f"clip{suffix}"))

    assert (info.width_px, info.height_px, info.codec) == (64, 48, "mpeg4")
    assert info.duration_s is not None and 3.5 <= info.duration_s <= 4.5 and info.fps == pytest.approx(10, abs=0.5)


def test_it_is_examined_in_a_process_of_its_own(tmp_path: Path) -> None:
    assert probe_file(clip(tmp_path / "clip.mp4")) == examine(tmp_path / "clip.mp4")


@pytest.mark.parametrize("layout", [{}, {"movflags": "faststart"}])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_off_mp4_is_incomplete(tmp_path: Path, layout: dict[str, str], share: float) -> None:
    whole = clip(tmp_path / "whole.mp4", options=layout).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(Invalid) as caught:
        probe_file(cut)
    assert caught.value.code == "incomplete_video"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"This is text.\n" * 100,
        b"ffconcat version 1.0\nfile 'whole.mp4'\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nwhole.mp4\n#EXT-X-ENDLIST\n",
        b"\x00" * 5000,
        bytes(range(256)) * 40,
    ],
    ids=["empty", "text", "script", "playlist", "zeros", "noise"],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    clip(tmp_path / "whole.mp4")  # what script and playlist name is there, and must not be opened
    file = tmp_path / "upload.mp4"
    file.write_bytes(content)

    with pytest.raises(Unsupported) as caught:
        probe_file(file)
    assert caught.value.code == "not_a_video"


def test_sound_and_pictures_are_no_videos(tmp_path: Path) -> None:
    tone = tmp_path / "tone.mp4"
    with av.open(str(tone), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with pytest.raises(Unsupported):
        examine(tone)


def test_every_clip_of_the_footage_is_taken(asset: Callable[[str], Path]) -> None:
    folder = asset("video")
    clips = sorted(path for path in folder.iterdir() if path.suffix in (".mp4", ".mkv"))
    assert clips

    for path in clips:
        info = examine(path)
        assert info.width_px > 0 and info.codec
