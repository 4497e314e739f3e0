"""What calls of ffmpeg have in common, with the program on PATH and with the one of the wheel."""

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import pytest

from sightline.media import ffmpeg as calls
from sightline.media.ffmpeg import ffmpeg, graph_arguments, reading
from tests.clips import make_clip


@pytest.fixture(params=["on_path", "of_the_wheel"])
def program(request, monkeypatch) -> str:
    path = ffmpeg() if request.param == "on_path" else str(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setattr(calls, "ffmpeg", lambda: path)
    calls._has_graph_scripts.cache_clear()
    request.addfinalizer(calls._has_graph_scripts.cache_clear)
    return path


def run(program: str, *arguments: str) -> int:
    return subprocess.run([program, "-v", "error", "-nostdin", "-y", *arguments], capture_output=True).returncode


@pytest.mark.parametrize("is_long", [False, True])
def test_a_graph_of_any_length_is_taken(program, tmp_path, monkeypatch, is_long):
    monkeypatch.setattr(calls, "LONGEST_ARGUMENT_BYTES", 10 if is_long else 1000)
    graph, picture = "[0:v]scale=32:24[out]", tmp_path / "out.png"
    arguments = graph_arguments(graph, tmp_path / "graph.txt")
    assert (graph in arguments) != is_long
    assert run(program, "-f", "lavfi", "-i", "color=red:s=64x48", *arguments, "-map", "[out]", "-frames:v", "1", str(picture)) == 0
    assert cv2.imread(str(picture)).shape == (24, 32, 3)


def test_only_the_containers_that_are_named_are_read(program, tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mp4", 5)
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip}\n#EXT-X-ENDLIST\n")
    to_nowhere = ("-f", "null", "-")
    assert run(program, *reading(clip, "mov,mp4"), *to_nowhere) == 0
    assert run(program, "-i", f"file:{playlist}", *to_nowhere) == 0
    assert run(program, *reading(playlist, "mov,mp4"), *to_nowhere) != 0
