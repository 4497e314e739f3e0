"""From real films to shots: cuts and rooms that are known, one decode of each clip, and films that are odd or damaged."""

import importlib
import json
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest

from sightline.errors import Invalid, JobError
from sightline.jobs.kinds.showcase.look import look
from sightline.jobs.kinds.showcase.movement import DisFlow, Follower
from sightline.jobs.kinds.showcase.params import UNKNOWN, ShowcaseParams
from sightline.jobs.kinds.showcase.shot import read_shots
from sightline.jobs.kinds.showcase.shots import AdaptiveFinder
from sightline.jobs.kinds.showcase.takes import Take, takes
from sightline.media.ffmpeg import quiet
from sightline.media.footage import frames_of
from tests.jobs.kinds.showcase_work import PlainWork

WITHOUT_MODEL = ShowcaseParams(model="none")
ROOM_NAMES = {"frontal": "exterior"}


def film(path: Path, source: str, *more: str) -> Path:
    subprocess.run([*quiet(), "-f", "lavfi", "-i", source, *more, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def found_in(path: Path, fps: float = 25.0) -> list[Take]:
    return list(takes(path, fps, AdaptiveFinder(fps), Follower(DisFlow()), lambda _t_s: None))


def test_cuts_and_rooms_of_the_slideshow(asset, tmp_path, monkeypatch):
    """Known by construction: 11 shots; one decode finds them, and at least nine rooms are right with the small detector."""
    passes = []
    module = importlib.import_module("sightline.jobs.kinds.showcase.takes")
    monkeypatch.setattr(module, "frames_of", lambda path: passes.append(path) or frames_of(path))
    clip = asset("video/houses_slideshow.mp4")
    known = json.loads(asset("groundtruth/houses_slideshow.json").read_text())["shots"]
    work = PlainWork(tmp_path, [clip], ShowcaseParams(model="yolox_nano"), asset("weights"))
    shots, means = read_shots(work.run("look", look))

    assert passes == [clip]
    assert [shot.start_frame for shot in shots] == pytest.approx([shot["start_frame"] for shot in known], abs=2)
    rooms = [(shot.guess.room, ROOM_NAMES.get(truth["room"], truth["room"])) for shot, truth in zip(shots, known, strict=True)]
    assert sum(found == truth for found, truth in rooms) >= 9, rooms
    assert {shot.guess.source for shot in shots} == {"objects and colours"}
    assert means["objects"] == "yolox_nano.onnx" and "BRISQUE" in means["technical"]
    assert {shot.movement.kind for shot in shots} == {"pan"}
    assert all((work.folder / shot.picture).stat().st_size for shot in shots)
    assert all(shot.start_s <= t_s <= shot.end_s and 0 <= x <= 1 and 0 <= y <= 1 for shot in shots for t_s, x, y in shot.subject)
    assert work.shares == sorted(work.shares)
    assert len(work.notices) == 1 and "for lack of CLIP ViT-B/32" in work.notices[0]


def test_hard_cuts(asset):
    found = [take.seen[0].number for take in found_in(asset("video/bikes_6_shots.mp4"))]
    assert found == pytest.approx([0, 30, 76, 137, 187, 242], abs=2)


def test_fades_are_no_part_of_shots(asset):
    found = found_in(asset("video/fades.mp4"))
    assert len(found) >= 3 and all(take.begins == "fade" for take in found[1:])
    assert all(before.end_s < after.seen[0].t_s for before, after in pairwise(found))


def test_a_long_take_is_looked_at_in_pieces(tmp_path):
    path = film(tmp_path / "long.mp4", "testsrc2=size=64x48:rate=10:duration=21")
    found = found_in(path, 10.0)
    assert [take.begins for take in found] == ["start", "piece", "piece"]
    numbers = [seen.number for take in found for seen in take.seen]
    assert numbers == list(range(210))
    assert max(sum(seen.picture is not None for seen in take.seen) for take in found) <= 40


def test_a_cut_right_after_a_piece_is_found(tmp_path):
    """The piece ends where the cut is only just becoming known."""
    source = "color=red:size=64x48:rate=25:duration=8.04[a];testsrc=size=64x48:rate=25:duration=3[b];[a][b]concat"
    found = found_in(film(tmp_path / "cut.mp4", source))
    assert found[-1].seen[0].number == pytest.approx(201, abs=2)
    assert found[-1].begins == "cut"


@pytest.mark.parametrize("size", ["64x48", "66x34", "2x2"])
def test_one_frame(tmp_path, size):
    path = film(tmp_path / "one.mp4", f"testsrc2=size={size}:rate=25:duration=1", "-frames:v", "1")
    shots, _ = read_shots(PlainWork(tmp_path, [path], WITHOUT_MODEL).run("look", look))
    assert len(shots) == 1 and shots[0].end_s == pytest.approx(0.04, abs=0.001)
    assert shots[0].movement.kind == "static" and shots[0].guess.room == UNKNOWN


def test_a_damaged_file_among_good_ones(tmp_path):
    good, bad = film(tmp_path / "good.mp4", "testsrc2=size=64x48:rate=25:duration=2"), tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    work = PlainWork(tmp_path, [bad, good], WITHOUT_MODEL)
    shots, _ = read_shots(work.run("look", look))
    assert {shot.input for shot in shots} == {1}
    assert work.notices[0].startswith("bad.mp4 was left out")
    with pytest.raises(Invalid, match=r"bad\.mp4"):
        PlainWork(tmp_path / "strict", [bad, good], ShowcaseParams(model="none", strict=True)).run("look", look)


def test_nothing_that_can_be_read(tmp_path):
    sound = tmp_path / "sound.mp4"
    subprocess.run([*quiet(), "-f", "lavfi", "-i", "sine=duration=1", str(sound)], check=True)
    with pytest.raises(Invalid) as caught:
        PlainWork(tmp_path, [sound], WITHOUT_MODEL).run("look", look)
    assert caught.value.code == "no_inputs"


def test_black_from_beginning_to_end(tmp_path):
    black = film(tmp_path / "black.mp4", "color=black:size=64x48:rate=25:duration=1")
    with pytest.raises(Invalid) as caught:
        PlainWork(tmp_path, [black], WITHOUT_MODEL).run("look", look)
    assert caught.value.code == "no_shots"


def test_without_any_weights_it_says_by_what_rooms_are_told(tmp_path):
    clip = film(tmp_path / "clip.mp4", "testsrc2=size=64x48:rate=25:duration=1")
    work = PlainWork(tmp_path, [clip], ShowcaseParams())
    _, means = read_shots(work.run("look", look))
    assert means["objects"] == "none" and "most stay unknown" in work.notices[0]


def test_a_detector_that_is_asked_for_by_name_and_is_not_here(tmp_path):
    clip = film(tmp_path / "clip.mp4", "testsrc2=size=64x48:rate=25:duration=1")
    with pytest.raises(JobError, match="yolox_nano"):
        PlainWork(tmp_path, [clip], ShowcaseParams(model="yolox_nano")).run("look", look)


def test_a_film_turned_by_its_display_matrix(tmp_path):
    flat = film(tmp_path / "flat.mp4", "testsrc2=size=96x48:rate=25:duration=1")
    turned = tmp_path / "turned.mp4"
    call = [*quiet(), "-display_rotation", "90", "-i", str(flat), "-c", "copy", str(turned)]
    if subprocess.run(call, check=False, capture_output=True).returncode:
        # ffmpeg before 6 has no such option.
        subprocess.run([*quiet(), "-i", str(flat), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(turned)], check=True)
    with av.open(str(turned)) as container:
        assert next(container.decode(video=0)).rotation
    pictures = [seen.picture for take in found_in(turned) for seen in take.seen if seen.picture is not None]
    assert {picture.shape for picture in pictures} == {(96, 48, 3)}
