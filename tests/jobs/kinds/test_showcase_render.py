"""The film of a selection, made from real clips by the job engine: what plays, how long, and what comes with it."""

import json
import re
import subprocess
import sys
import types

import av
import cv2
import numpy as np
import psutil
import pytest

from sightline.errors import JobError
from sightline.jobs import contract, execute
from sightline.jobs.contract import JobKind, JobStage
from sightline.jobs.kinds.showcase import graph
from sightline.jobs.kinds.showcase.film_params import FilmParams
from sightline.jobs.kinds.showcase.render import render
from sightline.media import ffmpeg as calls
from sightline.media.ffmpeg import ffmpeg
from sightline.records.jobs import JobInput, JobState, NewJob
from tests.clips import make_clip
from tests.jobs.job_kinds import office  # noqa: F401 - fixture

SMALL = {"short_side_px": 180, "shot_s": 2.0}


def shot(file, start_s, end_s, room, order, score=0.5, **other):
    return {
        "input": file, "start_s": start_s, "end_s": end_s, "room": room, "score": score, "movement": "pan", "subject": [],
        "is_chosen": True, "order": order,
    } | other  # fmt: skip


class Studio:
    """An office whose only kind renders a selection that the test wrote."""

    def __init__(self, office, monkeypatch):  # noqa: F811
        self.office = office
        self.commands = []
        self.on_command = lambda: None
        self.shots = []
        self.job_id = ""
        self.jobs = []
        module = types.ModuleType("sightline.jobs.kinds.film")
        stages = (JobStage("select", "Select", self._select, uses=()), JobStage("render", "Render", render))
        module.KIND = JobKind("film", "Film", "A film.", FilmParams, stages, most_inputs=9)
        monkeypatch.setitem(sys.modules, "sightline.jobs.kinds.film", module)
        monkeypatch.setattr(contract, "BUILTIN", ("film",))
        run = execute.run_command

        def counted(command, on_progress, **other):
            self.commands.append(command)
            self.on_command()
            run(command, on_progress, **other)

        monkeypatch.setattr(execute, "run_command", counted)

    def _select(self, work):
        (work.folder / "selection.json").write_text(json.dumps({"version": 1, "shots": self.shots}))

    def run(self, files, shots, **params):
        self.shots = shots
        inputs = []
        for path in files:
            (self.office.settings.data_dir / "uploads" / path.name).write_bytes(path.read_bytes())
            inputs.append(JobInput(path.name, f"uploads/{path.name}", "0" * 64, path.stat().st_size))
        self.job_id = job_id = self.office.jobs.add(NewJob("film", inputs, SMALL | params, None, 600.0))[0].id
        self.jobs.append(job_id)
        job = self.office.claim(job_id)
        execute.execute(job_id, job.attempt, self.office.settings, self.office.database)
        return self.office.jobs.get(job_id)

    def output(self, job, name):
        (found,) = [output for output in job.outputs if output.name == name]
        return self.office.settings.data_dir / "jobs" / job.id / "stages" / "render" / found.name


@pytest.fixture
def studio(office, monkeypatch):  # noqa: F811
    return Studio(office, monkeypatch)


def faults(path):
    """What ffmpeg's detectors of black pictures and of pictures that stand still for half a second say."""
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-i", str(path), "-vf", "blackdetect=d=0.03,freezedetect=n=0.001:d=0.5"]
    said = subprocess.run([*command, "-an", "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    return re.findall(r"black_start.*|freeze_start.*", said)


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def test_a_film_of_real_clips_in_all_shapes_from_one_run(studio, asset):
    names = ("houses_slideshow.mp4", "kitchen_cooking.mkv", "house_walkthrough_1fps.mp4", "bedroom_children.mp4")
    files = [asset(f"video/{name}") for name in names]
    walk = [[t / 4, 0.2 + t / 40, 0.5] for t in range(26)]
    shots = [
        shot(0, 0.0, 2.0, "exterior", 0, 0.9), shot(1, 1.0, 9.0, "kitchen", 1), shot(2, 0.0, 8.0, "living", 2),
        shot(3, 0.0, 6.6, "bedroom", 3, subject=walk), shot(0, 2.0, 4.0, "kitchen", -1, is_chosen=False),
    ]  # fmt: skip
    about = {"address": "12 Elm: 'Street', 5\\6 %{pts}", "price": 450000}
    job = studio.run(files, shots, sound="low", property_data=about)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert len(studio.commands) == 1
    told = json.loads(studio.output(job, "selection.json").read_text())
    assert [take["shot"] for take in told["film"]["takes"]] == [0, 1, 2, 3]
    for name, size in (("film_16x9.mp4", (320, 180)), ("film_9x16.mp4", (180, 320)), ("film_1x1.mp4", (180, 180))):
        with av.open(str(studio.output(job, name))) as film:
            video, sound = film.streams.video[0], film.streams.audio[0]
            assert (video.width, video.height) == size
            assert (video.codec_context.pix_fmt, video.average_rate) == ("yuv420p", 30)
            assert video.frames == round(told["film"]["length_s"] * 30)
            length_s = [float(stream.duration * stream.time_base) for stream in (video, sound)]
            assert abs(length_s[0] - length_s[1]) < 0.04
            assert [chapter["metadata"]["title"] for chapter in film.chapters()] == [
                "Exterior",
                "Kitchen",
                "Living room",
                "Bedroom",
            ]
            assert film.metadata["title"] == about["address"]
        assert faults(studio.output(job, name)) == []
    poster = cv2.imread(str(studio.output(job, "poster.jpg")))
    assert poster.shape == (720, 1280, 3)
    assert poster.std() > 20
    for name in ("chapters.vtt", "captions.vtt", "film.edl", "film.otio"):
        assert studio.output(job, name).stat().st_size > 50


def test_many_joins_lose_no_picture_and_no_sound(studio, asset):
    files = [asset("video/houses_slideshow.mp4"), asset("video/kitchen_cooking.mkv")]
    shots = [shot(0, 2.0 * n, 2.0 * n + 2, "kitchen", n) for n in range(11)] + [shot(1, 0.5, 6.0, "kitchen", 20)]
    job = studio.run(files, shots, shapes=["1:1"], short_side_px=144, sound="low", titles=False, even_light=False)
    assert job.error is None
    told = json.loads(studio.output(job, "selection.json").read_text())["film"]
    with av.open(str(studio.output(job, "film_1x1.mp4"))) as film:
        video, sound = film.streams.video[0], film.streams.audio[0]
        assert video.frames == round(told["length_s"] * 30)
        assert float(sound.duration * sound.time_base) == pytest.approx(told["length_s"], abs=0.01)


def test_a_film_of_very_many_shots_is_made_although_no_argument_holds_its_graph(studio, tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "LONGEST_ARGUMENT_BYTES", 500)
    shots = [shot(0, 1.0 * k, 1.0 * k + 1, "kitchen", k) for k in range(3)]
    job = studio.run([make_clip(tmp_path / "clip.mp4", 90)], shots, shapes=["1:1"], shot_s=1.0)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert max(map(len, studio.commands[0])) < 500


def test_the_upright_film_follows_its_subject(studio, tmp_path):
    clip = tmp_path / "square.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(100):
            image = np.full((360, 640, 3), 90, np.uint8)
            x = 100 + number * 4
            image[150:210, x - 30 : x + 30] = (0, 0, 250)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    subject = [[n / 25, (100 + n * 4) / 640, 0.5] for n in range(0, 100, 5)]
    one = shot(0, 0.0, 4.0, "unknown", 0, subject=subject)
    job = studio.run([clip], [one], shapes=["9:16"], shot_s=3.5, titles=False)
    assert job.error is None
    places = []
    for image in decoded(studio.output(job, "film_9x16.mp4")):
        red = (image[..., 2] > 150) & (image[..., 0] < 90)
        assert red.sum() > 1500  # it is in the picture, always
        places.append(np.nonzero(red)[1].mean())
    steps = np.abs(np.diff(places))
    assert steps.max() < 6  # and never jumps


def test_rotated_odd_short_and_silent_footage(studio, asset, tmp_path):
    odd = make_clip(tmp_path / "odd.mkv", 60, (322, 242))
    sized = tmp_path / "odd_sides.mkv"
    upright = tmp_path / "upright.mp4"
    call = [ffmpeg(), "-v", "error", "-y", "-i", str(odd)]
    subprocess.run(
        [*call, "-vf", "crop=321:241:0:0:exact=1,format=yuv444p", "-c:v", "libx264", "-crf", "20", str(sized)], check=True
    )
    turned = [ffmpeg(), "-v", "error", "-y", "-display_rotation", "90", "-i", str(odd), "-c", "copy", str(upright)]
    if subprocess.run(turned, capture_output=True).returncode:
        subprocess.run([*call, "-c", "copy", "-metadata:s:v:0", "rotate=90", str(upright)], check=True)
    single = tmp_path / "single.mp4"
    subprocess.run([*call[:4], "-i", str(asset("video/houses_slideshow.mp4")), "-frames:v", "1", str(single)], check=True)
    shots = [shot(0, 0.0, 2.4, "kitchen", 0), shot(1, 0.0, 2.4, "unknown", 1), shot(2, 0.0, 0.04, "garden", 2)]
    job = studio.run([sized, upright, single], shots, sound="low", transition="slide", short_side_px=178)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    told = json.loads(studio.output(job, "selection.json").read_text())["film"]
    for name, size in (("film_16x9.mp4", (316, 178)), ("film_9x16.mp4", (178, 316)), ("film_1x1.mp4", (178, 178))):
        with av.open(str(studio.output(job, name))) as film:
            assert (film.streams.video[0].width, film.streams.video[0].height) == size
            assert film.streams.video[0].frames == round(told["length_s"] * 30)
            assert not film.streams.audio  # nothing to be heard in any of them
        assert faults(studio.output(job, name)) == []


def test_a_cancelled_film_leaves_no_result(studio, tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 60)
    studio.on_command = lambda: studio.office.jobs.cancel(studio.job_id)
    job = studio.run([clip], [shot(0, 0.0, 2.4, "kitchen", 0)], shapes=["1:1"])
    assert (job.state, job.outputs) == (JobState.CANCELLED, ())
    assert psutil.Process().children() == []


def test_the_whole_kind_goes_on_with_the_film_where_it_was_lost(office, asset, monkeypatch):  # noqa: F811
    clip = asset("video/bedroom_children.mp4")
    (office.settings.data_dir / "uploads" / clip.name).write_bytes(clip.read_bytes())
    job_id = office.add("showcase", clip.name, 600.0, model="none", short_side_px=144, shapes=["9:16"], least_score=0.0)
    run = execute.run_command
    monkeypatch.setattr(execute, "run_command", lambda *_, **__: (_ for _ in ()).throw(JobError("Away.", is_transient=True)))
    first = office.claim(job_id)
    assert execute.execute(job_id, first.attempt, office.settings, office.database) == JobState.QUEUED
    monkeypatch.setattr(execute, "run_command", run)
    office.now_s += 1000
    # Another process than the first one: nothing is loaded there that the stages before have loaded.
    second = office.claim(job_id)
    code = (
        "import sys; from sightline.jobs.execute import execute; from sightline.settings import Settings\n"
        "from sightline.records.database import Database\n"
        "settings = Settings.from_env({}, data_dir=sys.argv[1])\n"
        "execute(sys.argv[2], int(sys.argv[3]), settings, Database(settings.database))"
    )
    call = [sys.executable, "-c", code, str(office.settings.data_dir), job_id, str(second.attempt)]
    subprocess.run(call, check=True, cwd=contract.__file__.partition("/sightline/")[0])
    job = office.jobs.get(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert [stage.state for stage in job.stages] == ["skipped", "skipped", "done"]
    names = {"film_9x16.mp4", "poster.jpg", "chapters.vtt", "captions.vtt", "film.edl", "film.otio", "selection.json"}
    assert {output.name for output in job.outputs} >= names


def test_nothing_chosen_is_said(studio, tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10)
    job = studio.run([clip], [shot(0, 0.0, 0.4, "kitchen", -1, is_chosen=False)])
    assert (job.state, job.error["code"], job.error["stage"]) == (JobState.FAILED, "nothing_chosen", "render")
    assert studio.commands == []


def test_a_film_that_cannot_be_made_names_its_command(studio, tmp_path, monkeypatch):
    clip = make_clip(tmp_path / "clip.mp4", 30)
    monkeypatch.setattr(graph, "_encoding", lambda n: ["-c:v", "no_such_encoder"])
    job = studio.run([clip], [shot(0, 0.0, 1.2, "kitchen", 0)], shapes=["1:1"])
    assert (job.state, job.error["code"]) == (JobState.FAILED, "command_failed")
    assert "no_such_encoder" in job.error["command"]


def test_a_disk_that_is_full_in_the_midst_of_the_film_is_waited_for(studio, tmp_path):
    """On a file system of its own, with room for the clip and the texts but not for the film."""
    small = studio.office.settings.data_dir / "jobs"
    small.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here; tests/jobs/test_commands.py fills /dev/full instead")
    try:
        clip = tmp_path / "noise.mp4"
        noise = ["-f", "lavfi", "-i", "color=s=320x240:r=25:d=3,noise=alls=90:allf=t", "-pix_fmt", "yuv420p"]
        subprocess.run([ffmpeg(), "-v", "error", "-y", *noise, "-preset", "ultrafast", str(clip)], check=True)
        job = studio.run([clip], [shot(0, 0.0, 3.0, "kitchen", 0)], shapes=["16:9"], short_side_px=240, shot_s=3.0)
        assert (job.state, job.failures, job.outputs) == (JobState.QUEUED, 1, ())
        assert not list(small.rglob("render/*"))
        subprocess.run(["mount", "-o", "remount,size=90m", str(small)], check=True)
        studio.office.now_s += 1000
        attempt = studio.office.claim(job.id).attempt
        assert execute.execute(job.id, attempt, studio.office.settings, studio.office.database) == JobState.SUCCEEDED
        done = studio.office.jobs.get(job.id)
        assert [stage.state for stage in done.stages] == ["skipped", "done"]
        assert not list(small.rglob("*.part"))
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
