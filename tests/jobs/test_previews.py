"""The picture of a job that people see while it runs."""

import subprocess

import cv2
import numpy as np

from sightline.jobs import previews
from sightline.jobs.previews import Preview, preview_filter, preview_output
from sightline.media.ffmpeg import quiet


def run_beside_a_film(folder, size, frames=30):
    graph = f"testsrc2=s={size}:r=30,trim=end_frame={frames},format=yuv420p,split[film][now];[now]{preview_filter()}[preview]"
    film = ["-map", "[film]", "-c:v", "libx264", "-preset", "ultrafast", f"file:{folder}/film.mp4"]
    call = quiet("-filter_complex", graph, *film, *preview_output("preview", folder / "preview.jpg"))
    return subprocess.run(call, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stderr


def test_ffmpeg_shows_a_small_picture_beside_its_film(tmp_path):
    assert run_beside_a_film(tmp_path, "1280x720") == ""
    assert cv2.imread(str(tmp_path / "preview.jpg")).shape == (360, 640, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", "preview.jpg"}


def test_a_picture_that_is_small_already_is_not_made_larger(tmp_path):
    run_beside_a_film(tmp_path, "322x242", frames=1)
    assert cv2.imread(str(tmp_path / "preview.jpg")).shape == (242, 322, 3)


def test_pictures_follow_each_other_by_the_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(previews, "EVERY_S", 0.0)
    # Of pictures without a rate, whose times are so close that they are the same at any common one.
    graph = f"[0:v]settb=1/1000000,setpts=N,{preview_filter()}[p]"
    call = quiet("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=2", "-filter_complex", graph)
    every = [*preview_output("p", tmp_path / "%02d.jpg")]
    del every[every.index("-update") : every.index("-update") + 2]
    subprocess.run([*call, *every], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert len(list(tmp_path.iterdir())) == 20
    monkeypatch.setattr(previews, "EVERY_S", 3600.0)
    assert run_beside_a_film(tmp_path, "64x64") == ""


def test_pictures_of_python_are_shown_now_and_then(tmp_path, monkeypatch):
    preview = Preview(tmp_path / "preview.jpg")
    preview.show(np.full((720, 1280, 3), 40, np.uint8))
    preview.show(np.full((720, 1280, 3), 200, np.uint8))
    assert cv2.imread(str(tmp_path / "preview.jpg")).shape == (360, 640, 3)
    assert cv2.imread(str(tmp_path / "preview.jpg")).mean() < 60
    monkeypatch.setattr(previews, "EVERY_S", 0.0)
    preview.show(np.full((720, 1280, 3), 200, np.uint8))
    assert cv2.imread(str(tmp_path / "preview.jpg")).mean() > 180
    assert [path.name for path in tmp_path.iterdir()] == ["preview.jpg"]
