"""Which shots are chosen, in which order, and what is said of each: rules on shots whose scores are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from sightline.errors import Invalid
from sightline.jobs.contract import JobKind, make_job_params
from sightline.jobs.kinds.showcase.duplicates import Look
from sightline.jobs.kinds.showcase.movement import Movement
from sightline.jobs.kinds.showcase.params import UNKNOWN, ShowcaseParams, check_numbers
from sightline.jobs.kinds.showcase.quality import Quality
from sightline.jobs.kinds.showcase.rooms import RoomGuess
from sightline.jobs.kinds.showcase.selection import LEFT_OUT, candidate_of, choose, read_selection, reasons_of, select
from sightline.jobs.kinds.showcase.sheet import Cell, write_sheet
from sightline.jobs.kinds.showcase.shot import Shot, read_shots, write_shots
from tests.jobs.kinds.showcase_work import PlainWork

SOURCE = "objects and colours"
LOOK = Look(bits=0, colours=(1.0,))


def shot(room: str, worth: float = 0.8, *, at: float = 0.0, length: float = 4.0, **more) -> Shot:
    quality = Quality(worth, worth, worth, worth, None, None, 0.55)
    score = 0.0 if room == UNKNOWN else worth
    return Shot(
        0, at, at + length, round(at * 25), "cut", RoomGuess(room, score, SOURCE, {}), {"oven": 0.9}, quality,
        Movement("pan", 0.05, 0.01), at + length / 2, ((at, 0.5, 0.5),), LOOK, "pictures/0001.jpg",
        **more,
    )  # fmt: skip


def chosen(shots, **params) -> tuple[list[int], dict[int, str]]:
    """Numbers in the film's order, and why the others are left out."""
    candidates = [candidate_of(number, one) for number, one in enumerate(shots, 1)]
    numbers = [one.number for one in choose(candidates, ShowcaseParams(**params))]
    assert all((one.left_out is None) == (one.number in numbers) for one in candidates)
    assert {one.left_out.code for one in candidates if one.left_out} <= set(LEFT_OUT)
    return numbers, {one.number: one.left_out.words for one in candidates if one.left_out}


def words(candidate) -> list[str]:
    return [reason.words for reason in reasons_of(candidate)]


def test_rooms_come_in_the_order_of_a_visit():
    rooms = ["garden", "bathroom", UNKNOWN, "bedroom", "kitchen", "living", "exterior"]
    numbers, out = chosen([shot(room) for room in rooms])
    assert [rooms[n - 1] for n in numbers] == ["exterior", "living", "kitchen", "bedroom", "bathroom", "garden", UNKNOWN]
    assert not out


def test_quota_of_a_room():
    numbers, out = chosen([shot("kitchen", worth) for worth in (0.5, 0.9, 0.7)], most_per_room=2)
    assert numbers == [2, 3]
    assert "better shots of this room" in out[1]


def test_every_room_before_a_second_shot_of_one():
    shots = [shot("kitchen", 0.9), shot("kitchen", 0.85), shot("bathroom", 0.6)]
    numbers, out = chosen(shots, target_s=6.0, shot_s=3.0)
    assert numbers == [1, 3]
    assert "long enough" in out[2]


def test_length_of_the_film():
    shots = [shot("kitchen", 0.9 - n / 20) for n in range(6)]
    for target_s in (3.0, 7.0, 9.0, 12.5):
        numbers, _ = chosen(shots, target_s=target_s, shot_s=3.0, most_per_room=9)
        assert len(numbers) == int(target_s // 3)


def test_duplicates_of_a_room_are_shown_once():
    shots = [shot("kitchen", 0.7), shot("kitchen", 0.9, same_as=(1,)), shot("bedroom", 0.6)]
    numbers, out = chosen(shots)
    assert numbers == [2, 3]
    assert out == {1: "shows nearly the same as shot 2"}
    candidates = [candidate_of(number, one) for number, one in enumerate(shots, 1)]
    choose(candidates, ShowcaseParams())
    assert "best of 2 that are alike" in words(candidates[1])


def test_pins_bans_and_order():
    shots = [shot("kitchen", 0.9), shot("kitchen", 0.2, length=0.5, same_as=(1,)), shot("bedroom", 0.9), shot("exterior")]
    assert chosen(shots)[0] == [4, 1, 3]
    assert chosen(shots, pins="2")[0] == [4, 2, 3]  # shot 1 looks the same as the pinned one
    assert chosen(shots, bans="4, 1") == ([3], {1: "never to be shown", 2: "shorter than 0.8 s", 4: "never to be shown"})
    assert chosen(shots, order="3, 1")[0] == [3, 1, 4]
    assert chosen(shots, pins="1", bans="1")[0] == [4, 3]


def test_faults():
    shaky = replace(shot("kitchen", 0.9), movement=Movement("shaky", 0.1, 0.4))
    bad = shot("kitchen", 0.05)
    somebody = replace(shot("kitchen", 0.9), objects={"oven": 0.9, "person": 0.8})
    calm, unsteady, _, peopled = (candidate_of(1, one) for one in (shot("kitchen", 0.9), shaky, bad, somebody))
    assert unsteady.score < calm.score and peopled.score < calm.score
    assert "shaky" in words(unsteady) and "somebody is in the picture" in words(peopled)
    assert chosen([bad], least_score=0.5)[1] == {1: "its score is too low"}
    assert chosen([shot(UNKNOWN)], keep_unknown=False)[1] == {1: "no room was recognised in it"}


def test_reasons_name_what_was_seen():
    assert words(candidate_of(1, shot("kitchen", 0.9))) == [
        "kitchen (objects and colours)", "sharp", "bright", "free of faults", "rich in contrast and colour", "steady",
        "shows an oven",
    ]  # fmt: skip
    assert words(candidate_of(1, shot(UNKNOWN, 0.1)))[:2] == ["no room was recognised", "blurred"]
    codes = [reason.code for reason in reasons_of(candidate_of(1, shot("kitchen", 0.9)))]
    assert codes == ["room", "sharp", "bright", "faultless", "rich", "steady", "shows:oven"]


def test_the_file_that_is_written(tmp_path):
    shots = [shot("kitchen", 0.9), shot("kitchen", 0.7, same_as=(1,)), shot("exterior")]
    work = PlainWork(tmp_path, [], ShowcaseParams(pins="9"))
    work.folder_of("look").mkdir(parents=True)
    write_shots(work.folder_of("look"), shots, {"rooms": SOURCE})
    assert read_shots(work.folder_of("look")) == (shots, {"rooms": SOURCE})

    told = read_selection(work.run("select", select))
    sheet = cv2.imread(str(work.folder / "shots.jpg"))
    assert sheet.shape[1] > 5 * 240 and sheet.shape[0] > 135
    rows = told["shots"]
    assert told["version"] == 1 and told["means"] == {"rooms": SOURCE}
    assert [(row["number"], row["is_chosen"], row["order"]) for row in rows] == [(1, True, 1), (2, False, None), (3, True, 0)]
    assert rows[0]["room_source"] == SOURCE and rows[0]["parts"].keys() == {"aesthetic", "technical", "smooth", "room", "objects"}
    assert rows[0]["subject"] == [[0.0, 0.5, 0.5]] and rows[1]["left_out_because"]
    assert work.notices == ["“Always show” names 9, but there are 3 shots."]


def test_nothing_left(tmp_path):
    work = PlainWork(tmp_path, [], ShowcaseParams(bans="1"))
    work.folder_of("look").mkdir(parents=True)
    write_shots(work.folder_of("look"), [shot("kitchen")], {})
    with pytest.raises(Invalid, match=r"never to be shown: 1") as caught:
        work.run("select", select)
    assert caught.value.code == "nothing_chosen"


@pytest.mark.parametrize(("text", "even"), [("", ""), (" 3,1 , 12,", "3, 1, 12"), ("007", "7")])
def test_numbers(text, even):
    assert check_numbers(text, "pins") == even
    assert check_numbers(even, "pins") == even


@pytest.mark.parametrize("text", ["a", "1;2", "-1", "0", "1, 1", "1.5", "²", "9" * 9, 3, None, ["1"], "1," * 3000])
def test_wrong_numbers(text):
    kind = JobKind("showcase", "Showcase", "", ShowcaseParams, ())
    with pytest.raises(Invalid) as caught:
        make_job_params(kind, {"pins": text})
    assert caught.value.facts["field"] == "params.pins"


def test_the_contact_sheet_dims_what_is_left_out(tmp_path):
    for name, shape in (("wide", (90, 160, 3)), ("upright", (160, 90, 3))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full(shape, 200, np.uint8))
    cells = [
        Cell(number, tmp_path / f"{name}.png", "kitchen", is_chosen)
        for number, (name, is_chosen) in enumerate((("wide", True), ("wide", False), ("upright", True), ("gone", True)), 1)
    ]
    write_sheet(tmp_path / "sheet.jpg", cells)
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))
    chosen_one, left_out, upright, gone = (int(sheet[75, 8 + n * 248 + 120, 0]) for n in range(4))
    assert chosen_one > 180 and upright > 180 and left_out < 100 and gone < 60
