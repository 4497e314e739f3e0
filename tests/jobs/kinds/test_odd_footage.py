"""Footage as phones, cameras and accidents make it, through all kinds: the right state, the right way up, sound in step."""

import io
import json
import subprocess
import zipfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import analyzers
from sightline.jobs.execute import execute
from sightline.media.ffmpeg import ffmpeg
from sightline.records.jobs import JobInput, JobState, NewJob
from tests.jobs.job_kinds import office  # noqa: F401 - fixture

SMALL = {
    "showcase": {
        "model": "none", "short_side_px": 144, "shapes": ["16:9"], "shot_s": 2.0, "least_score": 0.0, "titles": False,
        "sound": "low",
    },
    "annotation": {"model": "hog", "width_px": 320, "height_px": 240, "clip_s": 2.0, "fps": 2.0, "also": []},
    "analyze": {"look_for": ["motion_detection"]},
    "transcode": {"rungs": ["480p"]},
}  # fmt: skip
HALVES = "color=c=0xC02020:s=80x120:r=25:d={0}[l];color=c=0x2020C0:s=80x120:r=25:d={0}[r];[l][r]hstack"
FLASH = "between(t,2,2.3)"


def made(path: Path, *arguments: str) -> Path:
    call = [ffmpeg(), "-v", "error", "-y", *arguments, "-pix_fmt", "yuv420p", "-preset", "ultrafast", str(path)]
    subprocess.run(call, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("odd")
    clips = {}
    flat = made(folder / "flat.mp4", "-f", "lavfi", "-i", HALVES.format(1.2))
    clips["rotated"] = folder / "rotated.mp4"
    turned = [ffmpeg(), "-v", "error", "-y", "-display_rotation", "90", "-i", str(flat), "-c", "copy", str(clips["rotated"])]
    if subprocess.run(turned, capture_output=True).returncode:  # FFmpeg before 6
        subprocess.run(
            [ffmpeg(), "-v", "error", "-y", "-i", str(flat), "-c", "copy", "-metadata:s:v:0", "rotate=270", str(clips["rotated"])],
            check=True,
        )
    clips["anamorphic"] = made(folder / "anamorphic.mp4", "-f", "lavfi", "-i", HALVES.format(1.2) + ",setsar=2")
    clips["one_frame"] = made(folder / "one_frame.mp4", "-f", "lavfi", "-i", HALVES.format(1.2), "-frames:v", "1")
    clips["odd_sides"] = folder / "odd_sides.mkv"
    sides = ["-f", "lavfi", "-i", HALVES.format(1.2) + ",scale=161:121,format=yuv444p", "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([ffmpeg(), "-v", "error", "-y", *sides, str(clips["odd_sides"])], check=True)
    clips["cut_off"] = made(folder / "cut_off.ts", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3")
    whole = clips["cut_off"].read_bytes()
    clips["cut_off"].write_bytes(whole[: len(whole) * 6 // 10])
    clips["false_length"] = made(folder / "false_length.mkv", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1.6")
    told = bytearray(clips["false_length"].read_bytes())
    place = told.index(b"\x44\x89\x88") + 3  # the element Duration: a double, in milliseconds
    told[place : place + 8] = np.array([60_000.0], ">f8").tobytes()
    clips["false_length"].write_bytes(bytes(told))
    clips["uneven"] = made(
        folder / "uneven.mp4", "-f", "lavfi", "-i",
        f"color=c=0x505050:s=160x120:r=30:d=4,drawbox=c=white:t=fill:enable='{FLASH}',select='if(lt(t,1.5),not(mod(n,5)),gt(mod(n,7),1))'",
        "-f", "lavfi", "-i", f"aevalsrc='if({FLASH},0.8*sin(6283*t),0)':d=4:s=48000", "-fps_mode", "vfr", "-c:a", "aac",
    )  # fmt: skip
    return clips


@pytest.fixture
def studio(office):  # noqa: F811
    analyzers.load(entry_points=False)

    def run(kind, files):
        inputs = []
        for number, path in enumerate(files):
            (office.settings.data_dir / "uploads" / path.name).write_bytes(path.read_bytes())
            inputs.append(JobInput(path.name, f"uploads/{path.name}", f"{number:02d}" * 32, path.stat().st_size))
        job_id = office.jobs.add(NewJob(kind, inputs, SMALL[kind], None, 600.0))[0].id
        execute(job_id, office.claim(job_id).attempt, office.settings, office.database)
        return office.jobs.get(job_id), office.settings.data_dir / "jobs" / job_id / "stages"

    return run


def pictures(film: Path):
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def shown_aspect(film: Path) -> float:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        return float(stream.width * (stream.sample_aspect_ratio or 1) / stream.height)


def side_of_red(image) -> str:
    """Where the red half of a picture is; empty: it has none."""
    red = (image[..., 2] > 120) & (image[..., 0] < 90)
    blue = (image[..., 0] > 120) & (image[..., 2] < 90)
    if red.sum() < 50 or blue.sum() < 50:
        return ""
    down, across = (np.subtract(np.argwhere(blue).mean(axis=0), np.argwhere(red).mean(axis=0))).tolist()
    if abs(down) > abs(across):
        return "top" if down > 0 else "bottom"
    return "left" if across > 0 else "right"


def as_players_show(path: Path) -> str:
    call = [ffmpeg(), "-v", "error", "-i", str(path), "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"]
    data = subprocess.run(call, capture_output=True, check=True).stdout
    return side_of_red(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def drift_s(film: Path) -> float:
    """Between the flash and the tone that belongs to it."""
    with av.open(str(film)) as container:
        flash = next(float(f.time) for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 150)
    with av.open(str(film)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray().astype(float)).max(axis=0) > 0.03)
            if len(loud):
                return flash - (float(frame.time) + loud[0] / frame.sample_rate)
    raise AssertionError("nothing is to be heard")


def test_all_of_it_in_one_film(studio, odd):
    job, stages = studio("showcase", list(odd.values()))
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert job.notices and not any("left out" in words for words in job.notices)
    told = json.loads((stages / "render" / "selection.json").read_text())
    seen = {list(odd)[shot["input"]]: shot for shot in told["shots"]}
    assert set(seen) == set(odd)
    for name in ("rotated", "anamorphic", "odd_sides", "one_frame"):
        picture = cv2.imread(str(stages / "look" / seen[name]["picture"]))
        assert side_of_red(picture) == as_players_show(odd[name]), name
    film = pictures(stages / "render" / "film_16x9.mp4")
    assert len(film) == round(told["film"]["length_s"] * 30)
    sides = {side_of_red(image) for image in film}
    assert as_players_show(odd["rotated"]) in sides and "left" in sides


def test_a_film_of_uneven_footage_keeps_step_with_its_sound(studio, odd):
    for kind, stage, name in (("analyze", "look", "uneven_annotated.mp4"), ("transcode", "package", "film.mp4")):
        job, stages = studio(kind, [odd["uneven"]])
        assert (job.state, job.error) == (JobState.SUCCEEDED, None)
        assert abs(drift_s(stages / stage / name)) < 0.04, kind


def test_all_of_it_in_one_package(studio, odd):
    job, stages = studio("annotation", list(odd.values()))
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    (package,) = stages.glob("package/*.zip")
    sides = {}
    with zipfile.ZipFile(package) as bundle:
        for name in bundle.namelist():
            if name.endswith("_clip_000.zip"):
                with zipfile.ZipFile(io.BytesIO(bundle.read(name))) as frames:
                    first = cv2.imdecode(np.frombuffer(frames.read(frames.namelist()[0]), np.uint8), cv2.IMREAD_COLOR)
                assert first.shape == (240, 320, 3)
                sides[sorted(odd, key=lambda one: odd[one].name)[int(name.rpartition("/")[2].split("_")[0]) - 1]] = side_of_red(
                    first
                )
    assert set(sides) == set(odd)
    for name in ("rotated", "anamorphic", "odd_sides", "one_frame"):
        assert sides[name] == as_players_show(odd[name]), name


def test_all_of_it_is_analyzed_the_right_way_up(studio, odd):
    job, stages = studio("analyze", list(odd.values()))
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    for number, (name, path) in enumerate(odd.items(), 1):
        rows = (stages / "look" / f"{number}_{path.stem}_findings.jsonl").read_text().splitlines()
        shown = pictures(stages / "look" / f"{number}_{path.stem}_annotated.mp4")
        assert rows and shown
        if name in ("rotated", "anamorphic", "odd_sides", "one_frame"):
            assert side_of_red(shown[0]) == as_players_show(path), name
    assert shown_aspect(stages / "look" / "2_anamorphic_annotated.mp4") == pytest.approx(8 / 3)


@pytest.mark.parametrize("name", ["rotated", "anamorphic", "odd_sides", "one_frame", "cut_off", "false_length"])
def test_a_ladder_of_each(studio, odd, name):
    job, stages = studio("transcode", [odd[name]])
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    film = stages / "package" / "film.mp4"
    assert pictures(film)
    assert side_of_red(pictures(film)[0]) == as_players_show(odd[name])
    if name == "anamorphic":
        assert shown_aspect(film) == pytest.approx(8 / 3)


@pytest.mark.parametrize("kind", ["annotation", "analyze", "transcode"])
def test_sound_without_a_picture_is_refused_in_words(studio, tmp_path, kind):
    path = made(tmp_path / "song.mp4", "-f", "lavfi", "-i", "sine=d=2", "-vn")
    job, _ = studio(kind, [path])
    assert (job.state, job.error["code"]) == (JobState.FAILED, "no_video")
    assert "only sound" in job.error["message"]


@pytest.mark.parametrize("kind", list(SMALL))
def test_bytes_that_pass_for_a_playlist_open_no_other_file(studio, odd, tmp_path, kind):
    # libav takes them for a transport stream; the ffmpeg program, of another version, would read what the first lines name.
    path = tmp_path / "both.mp4"
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{odd['false_length']}\n#EXT-X-ENDLIST\n"
    film = made(tmp_path / "film.ts", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3")
    path.write_bytes(playlist.encode() + film.read_bytes())
    job, stages = studio(kind, [path])
    if job.state == JobState.FAILED:
        assert job.error["code"] in ("command_failed", "unreadable_video", "no_video")
        assert not job.outputs and not [one for one in stages.rglob("*.mp4") if one.stat().st_size]
    else:  # both of one mind: it is the transport stream
        assert job.state == JobState.SUCCEEDED
