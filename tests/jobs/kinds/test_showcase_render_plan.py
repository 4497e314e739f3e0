"""The plan of a film: takes, the window's way, titles, chapters and cut lists, without any footage."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from sightline.errors import Invalid
from sightline.jobs.kinds.showcase.chapters import captions, chapters, ffmetadata, webvtt
from sightline.jobs.kinds.showcase.crop import MAX_SPEED, expression, window_share, window_way
from sightline.jobs.kinds.showcase.edl import cmx3600, otio
from sightline.jobs.kinds.showcase.light import MOST_GAMMA, gammas
from sightline.jobs.kinds.showcase.timeline import FPS, plan
from sightline.jobs.kinds.showcase.titles import check_property, draw_card, property_lines, room_title
from sightline.media.footage import Footage


def footage(duration_s=60.0, fps=25.0):
    return Footage(1280, 720, fps, duration_s, False, "h264")


def shot(start_s, end_s, room="kitchen", order=0, **other):
    return {"input": 0, "start_s": start_s, "end_s": end_s, "room": room, "score": 0.5, "is_chosen": True, "order": order} | other


def three(transition_s=0.5):
    shots = [
        shot(0, 10, "bedroom", 2), shot(10, 13, "living", 0), shot(13, 19, is_chosen=False, order=-1), shot(20, 23, "bedroom", 1),
    ]  # fmt: skip
    return plan(shots, {0: footage()}, transition_s, 3.0)


def test_takes_follow_the_order_and_overlap_by_the_transition():
    timeline = three()
    assert [take.shot for take in timeline.takes] == [1, 3, 0]
    assert timeline.transition_frames == 15
    for before, after in pairwise(timeline.takes):
        assert after.first_frame == before.first_frame + before.frames - 15
    assert timeline.frames == sum(take.frames for take in timeline.takes) - 2 * 15
    spans = [timeline.shown(n) for n in range(3)]
    assert (spans[0][0], spans[-1][1]) == (0.0, timeline.length_s)
    assert [end for _, end in spans[:-1]] == pytest.approx([begin for begin, _ in spans[1:]])


def test_a_long_shot_gives_its_middle_and_no_take_leaves_its_shot():
    timeline = three()
    assert timeline.takes[2].frames == 90
    assert timeline.takes[2].start_s == pytest.approx(3.5)
    for take in timeline.takes[:2]:
        begin = {1: 10, 3: 20}[take.shot]
        assert begin < take.start_s
        assert take.start_s + take.length_s < begin + 3


def test_a_transition_never_eats_a_short_take_and_a_single_take_has_none():
    short = plan([shot(0, 1.5, order=0), shot(2, 9, order=1)], {0: footage()}, 2.0, 3.0)
    assert short.transition_frames <= min(take.frames for take in short.takes) * 0.3
    assert plan([shot(0, 3)], {0: footage()}, 0.5, 3.0).transition_frames == 0


def test_a_single_picture_is_held_and_made_to_move():
    (take,) = plan([shot(0, 0.04)], {0: footage(0.04)}, 0.5, 3.0).takes
    assert (take.start_s, take.frames, take.is_still) == (0.0, 90, True)
    assert plan([shot(0, 8)], {0: footage(8, 1.0)}, 0.5, 3.0).takes[0].is_still
    assert plan([shot(0, 8, movement="static")], {0: footage(8)}, 0.5, 3.0).takes[0].is_still
    assert not plan([shot(0, 8, movement="pan")], {0: footage(8)}, 0.5, 3.0).takes[0].is_still


def test_a_take_ends_before_the_file_does():
    (take,) = plan([shot(0, 9)], {0: footage(5.0)}, 0.5, 8.0).takes
    assert take.start_s >= 0
    assert take.start_s + take.length_s <= 5.0


@pytest.mark.parametrize("seed", range(5))
def test_the_window_moves_smoothly_whatever_the_subject_does(seed):
    rng = np.random.default_rng(seed)
    subject = [(t / 5, float(rng.random())) for t in range(20)]
    way = window_way(subject, 4.0, 0.316)
    assert [t for t, _ in way] == sorted({t for t, _ in way})
    assert all(0 <= place <= 1 for _, place in way)
    speeds = [abs(p1 - p0) / (t1 - t0) * (1 - 0.316) for (t0, p0), (t1, p1) in pairwise(way)]
    assert max(speeds, default=0.0) <= MAX_SPEED * 1.05


def test_the_window_rests_for_small_movements_and_follows_large_ones():
    trembling = [(t / 10, 0.5 + 0.01 * (-1) ** t) for t in range(40)]
    assert len({round(place, 2) for _, place in window_way(trembling, 4.0, 0.3)}) == 1
    walking = [(t / 10, 0.2 + 0.6 * t / 40) for t in range(40)]
    way = window_way(walking, 4.0, 0.3)
    assert way[0][1] < 0.2
    assert way[-1][1] > 0.75
    assert all(a <= b + 1e-9 for (_, a), (_, b) in pairwise(way))
    middle = np.interp(2.0, *zip(*way, strict=True)) * 0.7 + 0.15
    assert abs(middle - 0.5) < 0.15  # the subject is inside the window


def test_one_wrong_place_does_not_move_the_window():
    way = window_way([(t / 10, 0.9 if t == 20 else 0.4) for t in range(40)], 4.0, 0.3)
    assert max(place for _, place in way) - min(place for _, place in way) < 0.02


def test_without_a_subject_the_window_stays_in_the_middle():
    assert window_way([], 4.0, 0.3) == [(0.0, 0.5)]
    assert window_way([(0.0, 0.1)], 4.0, 1.0) == [(0.0, 0.5)]
    assert window_share(1280, 720, 9 / 16) == pytest.approx((0.3164, 1.0), abs=1e-3)
    assert window_share(720, 1280, 16 / 9) == pytest.approx((1.0, 0.3164), abs=1e-3)


def test_the_expression_says_the_same_as_the_way():
    way = window_way([(t / 10, 0.5 + 0.4 * np.sin(t / 9)) for t in range(40)], 4.0, 0.3)
    said = expression(way)
    assert re.fullmatch(r"[-+*.,0-9()cliptz]+", said)
    for t in np.linspace(0, 4, 41):
        value = eval(said, {"clip": lambda x, a, b: min(max(x, a), b), "t": t})
        assert value == pytest.approx(np.interp(t, *zip(*way, strict=True)), abs=2e-3)


def test_light_is_evened_mildly():
    assert gammas([0.5, 0.5]) == [1.0, 1.0]
    dark, middle, bright = gammas([0.25, 0.5, 0.7])
    assert dark > middle > bright
    assert all(1 / MOST_GAMMA <= gamma <= MOST_GAMMA for gamma in gammas([0.0, 0.02, 0.5, 1.0]))


def test_property_data_is_taken_and_told():
    data = check_property(
        {"address": "12 Elm St, É", "price": 450000, "currency": "EUR", "bedrooms": 1, "area_m2": 98.5, "x": None}, "p"
    )
    assert check_property(data, "p") == data
    assert property_lines(check_property(" House at the lake ", "p")) == ["House at the lake"]
    assert property_lines(data) == ["12 Elm St, É", "450,000 EUR · 1 bedroom · 98.5 m²"]
    assert property_lines(check_property({}, "p")) == []


@pytest.mark.parametrize(
    "value",
    [5, None, [], "{address", {"a": {}}, {"a": [1]}, {"a": "x" * 1000}, {"a": True}, [1, 2], {str(n): 1 for n in range(99)}],
)
def test_other_property_data_is_refused(value):
    with pytest.raises(Invalid) as refused:
        check_property(value, "params.property_data")
    assert refused.value.facts["field"].startswith("params.property_data")


@pytest.mark.parametrize("line", ["Short", "A very long address that goes on and on, " * 4, "Ωμέγα улица", "i"])
def test_a_title_fits_its_picture(tmp_path, line):
    path = tmp_path / "card.png"
    draw_card([line, "450,000 EUR"], 300, 20, path)
    with Image.open(path) as card:
        assert card.width <= 300
        inked = np.asarray(card)[..., :3].max(axis=2) > 200
    assert inked.any()
    assert not inked[:, [0, -1]].any()
    assert not inked[[0, -1]].any()


def test_chapters_join_takes_of_one_room_and_cover_the_film():
    timeline = three()
    found = chapters(timeline)
    assert [name for _, _, name in found] == ["Living room", "Bedroom"]
    assert (found[0][0], found[-1][1]) == (0.0, timeline.length_s)
    assert found[0][1] == found[1][0]
    assert len(captions(timeline)) == 3


def test_texts_cannot_break_their_formats():
    assert "title=a\\=b\\;c\\#d\\\\e" in ffmetadata(three(), "a=b;c#d\\e")
    told = webvtt([(0.0, 3661.5, "a < b --> c")])
    assert told.startswith("WEBVTT\n\n1\n00:00:00.000 --> 01:01:01.500\na &lt; b --&gt; c\n")
    assert room_title("unknown") == ""


def frames(timecode):
    hours, minutes, seconds, rest = map(int, timecode.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * FPS + rest


@pytest.mark.parametrize("transition_s", [0.0, 0.5])
def test_the_edl_covers_the_film_without_gaps(transition_s):
    timeline = three(transition_s)
    rows = [line.split() for line in cmx3600(timeline, ["my “film”.mp4"], "Ä house").splitlines() if line[:3].isdigit()]
    at = 3600 * FPS
    for row in rows:
        source_in, source_out, record_in, record_out = map(frames, row[-4:])
        assert source_out - source_in == record_out - record_in
        assert record_in == at
        at = record_out
    assert at == 3600 * FPS + timeline.frames
    assert sum(row[3] == "D" for row in rows) == (2 if transition_s else 0)


@pytest.mark.parametrize("transition_s", [0.0, 0.5])
def test_the_otio_document_has_all_clips_and_the_film_s_length(transition_s):
    timeline = three(transition_s)
    told = json.loads(otio(timeline, ["film.mp4"], "A house"))
    assert (told["OTIO_SCHEMA"], told["tracks"]["OTIO_SCHEMA"]) == ("Timeline.1", "Stack.1")
    (track,) = told["tracks"]["children"]
    clips = [child for child in track["children"] if child["OTIO_SCHEMA"] == "Clip.1"]
    assert sum(clip["source_range"]["duration"]["value"] for clip in clips) == timeline.frames
    assert len(track["children"]) == (5 if transition_s else 3)
