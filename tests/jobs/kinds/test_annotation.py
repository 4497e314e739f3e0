"""The annotation package: what two kinds of readers take from it, every frame in it, the same bytes each time, and odd films."""

import csv
import io
import json
import pickle
import re
import subprocess
import zipfile
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pytest

import analyzers
from sightline.errors import Invalid
from sightline.jobs.contract import kind, make_job_params
from sightline.jobs.execute import execute
from sightline.jobs.kinds import annotation
from sightline.jobs.kinds.annotation import people
from sightline.jobs.kinds.annotation.clips import Clip, even_rate, places_of
from sightline.jobs.kinds.annotation.extras import cvat_document
from sightline.jobs.kinds.annotation.people import Sighting
from sightline.jobs.kinds.annotation.proposals import second_places
from sightline.jobs.workspace import Workspace
from sightline.media.ffmpeg import quiet
from sightline.records.jobs import Job, JobInput, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import make_storage
from tests.clips import SIZE, drawn, make_clip
from tests.jobs.job_kinds import Office

pytestmark = pytest.mark.system

analyzers.load(entry_points=False)

SMALL = {"width_px": 320, "height_px": 240, "clip_s": 1.0, "model": "hog"}
"""Quick: nothing is loaded."""
PEOPLE_SIZE = (640, 360)
PEOPLE = {"width_px": 640, "height_px": 360, "clip_s": 1.0, "fps": 5.0, "also": ["manifest", "cvat", "tracking", "ava"]}
ALL_STAGES = ["cut", "track", "proposals", "package", "extras"]


class Studio(Office):
    """An office over films, with the weights of the shared folder where there is one."""

    def __init__(self, folder: Path, weights: Path | None = None) -> None:
        super().__init__(folder)
        mirror = {"MODELS_MIRROR": str(weights)} if weights is not None else {}
        self.settings = Settings.from_env(mirror, data_dir=str(self.settings.data_dir))
        self.films = self.settings.data_dir / "uploads"

    def order(self, names: list[str], **params: object) -> str:
        inputs = [JobInput(name, f"uploads/{name}", sha256((self.films / name).read_bytes()).hexdigest(), 1) for name in names]
        return self.jobs.add(NewJob("annotation", inputs, params, None, 600.0))[0].id

    def attempt(self, job_id: str) -> Job:
        job = self.claim(job_id)
        execute(job_id, job.attempt, self.settings, self.database)
        return self.jobs.get(job_id)

    def make(self, names: list[str], **params: object) -> Job:
        return self.attempt(self.order(names, **params))

    def read(self, job: Job, name: str) -> bytes:
        return make_storage(self.settings).get(f"jobs/{job.id}/{name}")

    def package(self, job: Job) -> "Package":
        assert (job.state, job.error) == (JobState.SUCCEEDED, None)
        return Package(self.read(job, "final_package.zip"))


class Package:
    """Reads a package by the description of its format alone."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bundle = zipfile.ZipFile(io.BytesIO(data))
        self.proposals: dict[str, Any] = pickle.loads(self.bundle.read("dense_proposals.pkl"))

    @property
    def clips(self) -> dict[str, dict[str, list[list[float]]]]:
        return {name: found for name, found in self.proposals.items() if isinstance(found, dict)}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {name: found for name, found in self.proposals.items() if not isinstance(found, dict)}

    def frames(self, clip: str) -> dict[str, np.ndarray]:
        with zipfile.ZipFile(io.BytesIO(self.bundle.read(f"frames/{clip}.zip"))) as inner:
            return {name: cv2.imdecode(np.frombuffer(inner.read(name), np.uint8), cv2.IMREAD_COLOR) for name in inner.namelist()}


@pytest.fixture
def studio(tmp_path):
    made = Studio(tmp_path)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def street(tmp_path_factory, asset):
    """An office with two films of people and the package made of them: 25 and 12 pictures, at 10 per second."""
    source = asset("video/surveillance_people_69f.mp4")
    made = Studio(tmp_path_factory.mktemp("street"), asset("weights"))
    for name, count in (("yard.mp4", 25), ("alley.mp4", 12)):
        command = quiet("-i", str(source), "-frames:v", str(count), "-an", "-crf", "18", str(made.films / name))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    job = made.make(["yard.mp4", "alley.mp4"], actions="walk, sit down", **PEOPLE)
    yield made, job, made.package(job)
    made.database.close()


# Its readers


def test_the_zip_holds_the_proposals_and_a_zip_per_clip_numbered_by_name(street):
    _, _, package = street
    clips = ["1_clip_000", "1_clip_001", "2_clip_000", "2_clip_001", "2_clip_002"]  # alley, then yard
    assert package.bundle.namelist() == ["dense_proposals.pkl", *(f"frames/{clip}.zip" for clip in clips)]
    assert list(package.clips) == clips


def test_every_frame_of_every_clip_has_its_key_in_the_order_of_its_zip(street):
    _, _, package = street
    for clip, found in package.clips.items():
        frames = package.frames(clip)
        assert list(found) == list(frames) == sorted(frames)
        assert [int(re.search(r"_(\d+)\.jpg$", name).group(1)) for name in found] == list(range(len(found)))
        assert {image.shape for image in frames.values()} == {(360, 640, 3)}
    assert [len(found) for found in package.clips.values()] == [5, 1, 5, 5, 3]


def test_boxes_lie_in_the_picture_with_the_score_of_the_detector_and_a_track(street):
    _, _, package = street
    boxes = [box for found in package.clips.values() for rows in found.values() for box in rows]
    assert len(boxes) > 40
    for x1, y1, x2, y2, score, track in boxes:
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 360
        assert 0 < score < 1
        assert isinstance(track, int)
        assert track >= 1
    assert len({box[4] for box in boxes}) > len(boxes) / 2


def test_people_are_where_the_ground_truth_has_them(street, asset):
    _, _, package = street
    truth = np.loadtxt(asset("groundtruth/mot15_PETS09-S2L1/gt_frames1-69_480x360.txt"), delimiter=",")
    found_of_true = []
    for i in range(3):
        for k, rows in enumerate(package.clips[f"2_clip_{i:03d}"].values()):
            for _, _, x, y, w, h in truth[truth[:, 0] == i * 10 + 2 * k + 1][:, :6]:
                true = (x + 80, y, x + w + 80, y + h)  # 480 wide in the middle of 640
                found_of_true.append(any(_overlap(true, row) >= 0.5 for row in rows))
    assert np.mean(found_of_true) > 0.7
    assert all(len(found[f"{clip}_frame_0000.jpg"]) >= 2 for clip, found in package.clips.items())


def test_a_person_keeps_the_number_within_a_clip(street):
    _, _, package = street
    found = list(package.clips["2_clip_000"].values())
    first, last = ({row[5]: row for row in rows} for rows in (found[0], found[-1]))
    assert len(first.keys() & last.keys()) >= 2
    for before, after in pairwise(found):
        positions = {row[5]: row for row in before}
        for row in after:
            if row[5] in positions:
                assert abs(row[0] - positions[row[5]][0]) < 25


def test_the_documented_lookup_of_mmaction2_takes_it(street):
    _, _, package = street
    assert package.arrays
    for clip, found in package.clips.items():
        for second in range(2):
            key = f"{clip},{second:04d}"
            pixels = found.get(f"{clip}_frame_{second * 5:04d}.jpg", [])
            if not pixels:
                assert key not in package.proposals  # an empty array would stop that reader
                continue
            proposals = package.proposals[key]
            assert (proposals.shape, proposals.dtype) == ((len(pixels), 5), np.dtype("float32"))
            assert proposals[:, :4].max() <= 1
            assert proposals.min() >= 0
            threshold = min(0.9, proposals[:, -1].max())
            assert len(proposals[proposals[:, -1] >= threshold]) >= 1
            assert np.allclose(proposals[:, :4] * (640, 360, 640, 360), np.array(pixels)[:, :4], atol=0.01)
            proposals[:, :4] *= 2  # may be written to
    assert all(re.fullmatch(r"\d+_clip_\d{3},\d{4}", key) for key in package.arrays)


def test_the_pickle_names_nothing_that_readers_may_not_have(street):
    _, _, package = street
    allowed = {("numpy", "ndarray"): np.ndarray, ("builtins", "bytearray"): bytearray}

    class Careful(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return allowed[(module, name)]

    data = package.bundle.read("dense_proposals.pkl")
    assert data[:2] == b"\x80\x04"
    assert list(Careful(io.BytesIO(data)).load()) == list(package.proposals)


# Other formats


def test_the_tracks_of_cvat_are_the_proposals(street):
    studio, job, package = street
    with zipfile.ZipFile(io.BytesIO(studio.read(job, "cvat_annotations.zip"))) as bundle:
        assert bundle.namelist() == [f"annotations/{clip}_annotations.xml" for clip in package.clips]
        for clip, found in package.clips.items():
            root = ElementTree.fromstring(bundle.read(f"annotations/{clip}_annotations.xml"))
            told = {
                (int(box.get("frame")), int(track.get("id")), box.get("xtl"))
                for track in root.iter("track") for box in track.iter("box") if box.get("outside") == "0"
            }  # fmt: skip
            assert told == {(k, row[5], f"{row[0]:.2f}") for k, rows in enumerate(found.values()) for row in rows}
            assert root.findtext("meta/task/size") == str(len(found))
            assert root.findtext(".//attribute/values").split("\n") == ["unlabelled", "walk", "sit down"]


def test_a_gap_in_a_track_is_told_to_cvat():
    clip = Clip("1_clip_000", 1, Fraction(10), 50, (0, 10, 20, 30, 40))
    sightings = [Sighting(frame, 1, 0.9, (1.0, 2.0, 30.0, 40.0)) for frame in (0, 5, 10, 30)]
    root = ElementTree.fromstring(cvat_document(clip, sightings, (320, 240), ()))
    boxes = [(box.get("frame"), box.get("outside")) for box in root.iter("box")]
    assert boxes == [("0", "0"), ("1", "0"), ("2", "1"), ("3", "0"), ("4", "1")]


def test_tracking_has_every_picture_in_one_flat_list(street):
    studio, job, package = street
    rows = json.loads(studio.read(job, "tracking.json"))
    assert {row["frame"] for row in rows if row["video_id"] == "2_clip_000"} == set(range(10))
    for row in (row for row in rows if row["frame"] % 2 == 0):
        of_frame = package.clips[row["video_id"]][f"{row['video_id']}_frame_{row['frame'] // 2:04d}.jpg"]
        assert [*row["bbox"], row["score"], row["track_id"]] in of_frame


def test_the_tables_of_ava_have_each_person_of_each_second(street):
    studio, job, package = street
    with zipfile.ZipFile(io.BytesIO(studio.read(job, "ava.zip"))) as bundle:
        rows = list(csv.reader(io.StringIO(bundle.read("ava/train.csv").decode())))
        actions = re.findall(r'item \{\s+name: "([^"]+)"\s+id: (\d+)\s+\}', bundle.read("ava/action_list.pbtxt").decode())
    assert actions == [("person", "1"), ("walk", "2"), ("sit down", "3")]
    assert len(rows) == sum(len(array) for array in package.arrays.values())
    for video, second, *shares, action, _person in rows:
        assert f"{video},{second}" in package.arrays
        assert all(0 <= float(share) <= 1 for share in shares)
        assert action == "1"


def test_the_manifest_names_sources_and_the_hash_of_the_package(street):
    studio, job, package = street
    manifest = json.loads(studio.read(job, "manifest.json"))
    assert manifest["package"]["sha256"] == sha256(package.data).hexdigest()
    assert [(video["number"], video["source"]) for video in manifest["videos"]] == [(1, "alley.mp4"), (2, "yard.mp4")]
    assert [(c["name"], c["pictures"], c["frames"]) for c in manifest["clips"]] == [
        ("1_clip_000", 10, 5), ("1_clip_001", 2, 1), ("2_clip_000", 10, 5), ("2_clip_001", 10, 5), ("2_clip_002", 5, 3),
    ]  # fmt: skip
    assert manifest["found_by"]["model"].endswith(".onnx")


def test_nothing_but_the_package_when_nothing_else_is_asked_for(studio):
    make_clip(studio.films / "film.mp4", frames=3)
    job = studio.make(["film.mp4"], also=[], **SMALL)
    assert [output.name for output in job.outputs] == ["final_package.zip"]


# The same each time, and on from where it was


def test_the_same_films_give_the_same_bytes(street):
    studio, job, package = street
    again = studio.make(["alley.mp4", "yard.mp4"], actions="walk, sit down", **PEOPLE)
    assert sha256(studio.package(again).data).hexdigest() == sha256(package.data).hexdigest()
    assert [(o.name, o.sha256) for o in again.outputs] == [(o.name, o.sha256) for o in job.outputs]


class Killed(BaseException):
    """Ends an attempt as a kill does: nobody tidies up, and the row says that it runs."""


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_stages_that_were_done_are_not_run_again(studio, monkeypatch, stage):
    ran: list[str] = []
    dying = {stage}

    def watched(one):
        def run(work):
            ran.append(one.name)
            one.run(work)
            if one.name in dying:
                dying.clear()
                raise Killed

        return replace(one, run=run)

    whole = annotation.KIND
    assert [one.name for one in whole.stages] == ALL_STAGES
    make_clip(studio.films / "film.mp4", frames=6)
    monkeypatch.setattr(annotation, "KIND", replace(whole, stages=tuple(watched(one) for one in whole.stages)))
    job_id = studio.order(["film.mp4"], **SMALL)
    with pytest.raises(Killed):
        studio.attempt(job_id)
    assert studio.jobs.get(job_id).state == JobState.RUNNING
    studio.lose_all()
    resumed = studio.attempt(job_id)
    place = ALL_STAGES.index(stage)
    assert ran == ALL_STAGES[: place + 1] + ALL_STAGES[place:]
    assert [s.state for s in resumed.stages] == ["skipped"] * place + ["done"] * (5 - place)
    assert not list(Workspace(studio.settings, job_id).folder.glob("stages/*.part"))
    monkeypatch.setattr(annotation, "KIND", whole)
    untouched = studio.package(studio.make(["film.mp4"], **SMALL))
    assert studio.package(resumed).data == untouched.data


def test_a_clip_that_was_followed_to_its_end_is_not_followed_again(studio, monkeypatch):
    played: list[str] = []
    replay = people.replay

    def watched(path, wanted, resources):
        played.append(path.stem)
        for number, seen in enumerate(replay(path, wanted, resources)):
            if played == ["1_clip_000", "1_clip_001"] and number == 5:
                raise Killed
            yield seen

    monkeypatch.setattr(people, "replay", watched)
    make_clip(studio.films / "film.mp4", frames=60)
    job_id = studio.order(["film.mp4"], **SMALL)
    with pytest.raises(Killed):
        studio.attempt(job_id)
    studio.lose_all()
    resumed = studio.attempt(job_id)
    assert played == ["1_clip_000", "1_clip_001", "1_clip_001", "1_clip_002"]
    assert studio.package(resumed).data == studio.package(studio.make(["film.mp4"], **SMALL)).data


# Films of all kinds


def test_frames_are_the_pictures_at_their_times(studio):
    make_clip(studio.films / "film.mp4", frames=60)
    package = studio.package(studio.make(["film.mp4"], fps=5.0, **SMALL))
    assert [len(found) for found in package.clips.values()] == [5, 5, 2]
    for clip in range(3):
        for k, image in enumerate(package.frames(f"1_clip_{clip:03d}").values()):
            assert np.abs(image.astype(int) - drawn(clip * 25 + k * 5)).mean() < 6


def test_all_pictures_are_frames_when_as_many_are_asked_for(studio):
    make_clip(studio.films / "film.mp4", frames=28)
    package = studio.package(studio.make(["film.mp4"], fps=60.0, **SMALL))
    assert [len(package.frames(clip)) for clip in package.clips] == [25, 3]


def test_the_end_is_kept_or_dropped(studio):
    make_clip(studio.films / "film.mp4", frames=30)
    make_clip(studio.films / "short.mp4", frames=5)
    kept = studio.package(studio.make(["film.mp4"], **SMALL))
    assert list(kept.clips) == ["1_clip_000", "1_clip_001"]
    job = studio.make(["film.mp4", "short.mp4"], keep_tail=False, **SMALL)
    dropped = studio.package(job)
    assert list(dropped.clips) == ["1_clip_000"]
    assert dropped.bundle.namelist() == ["dense_proposals.pkl", "frames/1_clip_000.zip"]
    assert any("short.mp4 was left out" in notice for notice in job.notices)
    nothing = studio.make(["short.mp4"], keep_tail=False, **SMALL)
    assert (nothing.state, nothing.error["code"]) == (JobState.FAILED, "no_clips")


def test_one_picture_is_a_clip_of_one_frame(studio):
    make_clip(studio.films / "film.mp4", frames=1)
    package = studio.package(studio.make(["film.mp4"], **SMALL))
    assert package.clips == {"1_clip_000": {"1_clip_000_frame_0000.jpg": []}}
    assert len(package.frames("1_clip_000")) == 1


def test_a_turned_film_stands_upright_between_bars(studio):
    path = make_clip(studio.films / "film.mp4", frames=3)
    path.write_bytes(_turned(path.read_bytes()))
    (image,) = studio.package(studio.make(["film.mp4"], **SMALL)).frames("1_clip_000").values()
    assert image[:, :60].max() < 30  # 180 of 320 columns show the portrait
    assert image[:, -60:].max() < 30
    assert image[:, 80:240].mean() > 60
    halves = image[:, 75:155].mean(axis=(0, 1)), image[:, 165:245].mean(axis=(0, 1))
    assert max(half[0] - half[2] for half in halves) > 100  # the blue half is beside the grey one now
    assert min(half[0] - half[2] for half in halves) < 30


def test_odd_sides_and_pixels_that_are_not_square(studio):
    make_clip(studio.films / "even.mp4", frames=3)
    squeezed = ("-vf", "scale=161:241,setsar=2/1,format=yuv444p", "-c:v", "ffv1", str(studio.films / "film.mkv"))
    subprocess.run(quiet("-i", str(studio.films / "even.mp4"), *squeezed), check=True, stdout=subprocess.DEVNULL)
    (image,) = studio.package(studio.make(["film.mkv"], **SMALL)).frames("1_clip_000").values()
    assert np.abs(image.astype(int) - drawn(0)).mean() < 8  # 322×241 as shown: nearly the size of the package


def test_pictures_that_change_their_size_in_between(studio):
    parts = [studio.films / "wide.ts", studio.films / "tall.ts"]
    make_clip(parts[0], frames=25, size=(320, 240))
    make_clip(parts[1], frames=25, size=(160, 240))
    (studio.films / "film.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    package = studio.package(studio.make(["film.ts"], fps=5.0, **SMALL))
    assert [len(package.frames(clip)) for clip in package.clips] == [5, 5]
    first, last = (list(package.frames(f"1_clip_{i:03d}").values())[2] for i in range(2))
    assert np.abs(first.astype(int) - drawn(10)).mean() < 6
    assert last[:, :70].max() < 30  # bars beside the narrow pictures
    assert np.abs(last[:, 80:240].astype(int) - drawn(10, (160, 240))).mean() < 8


def test_uneven_rates_keep_their_times(studio):
    times_ms = [0, 40, 80, 400, 440, 900, 1000, 1900]
    with av.open(str(studio.films / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = (*SIZE, "yuv420p")
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="bgr24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    package = studio.package(studio.make(["film.mkv"], fps=2.0, **SMALL))
    shown = [image for clip in package.clips for image in package.frames(clip).values()]
    pictures = [int(np.argmin([np.abs(image.astype(int) - drawn(n)).mean() for n in range(8)])) for image in shown]
    assert pictures[0] == 0
    assert pictures == sorted(pictures)
    assert pictures[2] in (5, 6)  # at second 1, give or take one step of the even clock
    assert len(package.clips["1_clip_000"]) == 2


def test_what_cannot_be_read_is_left_out_and_said(studio):
    make_clip(studio.films / "b.mp4", frames=3)
    (studio.films / "a.mp4").write_bytes(b"no film at all" * 100)
    job = studio.make(["a.mp4", "b.mp4"], **SMALL)
    assert list(studio.package(job).clips) == ["1_clip_000"]
    assert any(notice.startswith("a.mp4 was left out") for notice in job.notices)
    alone = studio.make(["a.mp4"], **SMALL)
    assert (alone.state, alone.error["code"], alone.error["stage"]) == (JobState.FAILED, "unreadable_video", "cut")


def test_people_found_without_a_weight_file_are_said_to_be(studio):
    make_clip(studio.films / "film.mp4", frames=2)
    job = studio.make(["film.mp4"], **{**SMALL, "model": "auto"})
    assert any("HOG" in notice and "sightline.media.models fetch" in notice for notice in job.notices)


# Arithmetic


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (29.97, Fraction(30000, 1001)), (30.0, Fraction(30)), (23.98, Fraction(24000, 1001)), (24.0, Fraction(24)),
        (12.5, Fraction(25, 2)), (1.0, Fraction(1)), (90000.0, Fraction(120)), (0.001, Fraction(1, 60)),
    ],
)  # fmt: skip
def test_rates_that_containers_round_are_the_common_ones(fps, rate):
    assert even_rate(fps) == rate


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25), Fraction(10), Fraction(1), Fraction(5000, 273)])
@pytest.mark.parametrize("fps", [Fraction(1, 10), Fraction(1), Fraction(5, 2), Fraction(60)])
def test_frames_are_taken_at_even_times(rate, fps):
    places = places_of(200, rate, fps)
    assert places[0] == 0
    step = rate / min(fps, rate)
    for k, place in enumerate(places):
        assert 0 <= place - k * step < 1


def test_seconds_begin_at_the_first_frame_at_or_after_them():
    def seconds(rate: Fraction, count: int) -> dict[int, int]:
        return second_places(Clip("1_clip_000", 1, rate, count, ()))

    assert seconds(Fraction(10), 25) == {0: 0, 1: 10, 2: 20}
    assert seconds(Fraction(30000, 1001), 61) == {0: 0, 1: 30, 2: 60}
    assert seconds(Fraction(1, 2), 3) == {0: 0, 2: 1, 4: 2}


@pytest.mark.parametrize("actions", ['say "no"', "walk, walk", "<b>", 7, "x" * 6000])
def test_names_that_would_break_a_file_are_refused(actions):
    with pytest.raises(Invalid):
        make_job_params(kind("annotation"), {"actions": actions})


def test_names_of_actions_are_written_evenly():
    assert make_job_params(kind("annotation"), {"actions": " walk ,sit  down,"}).actions == "walk, sit down"


def _overlap(a: Any, b: Any) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def _turned(mp4: bytes) -> bytes:
    """The file with a display matrix that turns the picture by 90°, as phones write it."""
    one, none, minus = b"\0\1\0\0", b"\0\0\0\0", b"\xff\xff\0\0"
    upright, turned = one + none * 3 + one, none + one + none + minus + none
    place = mp4.index(upright, mp4.index(b"tkhd"))
    return mp4[:place] + turned + mp4[place + len(turned) :]
