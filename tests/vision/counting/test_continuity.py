"""One thing has one key, whatever numbers its track gets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media.findings import Detection
from sightline.vision.counting import Continuity

S = 1_000_000_000


def person(x: float, number: int | None, *, label: str = "person", size: float = 1.0) -> Detection:
    return Detection(label, 0.9, (x - 20 * size, 100, x + 20 * size, 100 + 100 * size), number)


def keys(continuity: Continuity, tenths: int, *detections: Detection) -> list[int]:
    return [thing.key for thing in continuity.things(detections, tenths * S // 10, is_at_feet=True)]


def test_a_new_number_at_the_place_of_one_that_ended_is_the_same_thing() -> None:
    continuity = Continuity()
    assert keys(continuity, 10, person(100, 1)) == [1]
    assert keys(continuity, 11) == []
    assert keys(continuity, 12, person(110, 2)) == [1]
    assert keys(continuity, 13, person(112, 2)) == [1]


def test_not_far_away_not_much_later_not_another_class_or_size() -> None:
    for tenths, other in (
        (11, person(400, 2)),
        (50, person(100, 2)),
        (11, person(100, 2, label="car")),
        (11, person(100, 2, size=3)),
    ):
        continuity = Continuity()
        assert keys(continuity, 10, person(100, 1)) == [1]
        assert keys(continuity, tenths, other) == [2]


def test_a_number_that_comes_back_after_it_was_taken_over_is_another_thing() -> None:
    continuity = Continuity()
    keys(continuity, 10, person(100, 1))
    keys(continuity, 12, person(110, 2))
    assert keys(continuity, 13, person(112, 2), person(300, 1)) == [2, 1]


def test_what_is_in_sight_is_not_taken_over() -> None:
    continuity = Continuity()
    keys(continuity, 10, person(100, 1))
    assert keys(continuity, 11, person(100, 1), person(104, 2)) == [1, 2]


def test_feet_or_centre() -> None:
    feet = Continuity().things([person(100, 1)], S, is_at_feet=True)[0]
    centre = Continuity().things([person(100, 1)], S, is_at_feet=False)[0]
    assert (feet.point, centre.point) == ((100, 200), (100, 150))
    assert feet.size_px == 70


def test_what_has_no_number_or_no_place_is_left_out() -> None:
    broken = Detection("person", 0.9, (0.0, 0.0, float("nan"), 5.0), 3)
    assert keys(Continuity(), 10, person(100, None), broken) == []


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(10, 3000), st.dictionaries(st.integers(1, 6), st.integers(0, 500))), max_size=25),
)
def test_no_two_things_of_a_look_share_a_key(history: list[tuple[int, dict[int, int]]]) -> None:
    continuity, pts_ns = Continuity(), 0
    for gap_ms, places in history:
        pts_ns += gap_ms * 1_000_000
        things = continuity.things([person(x, number) for number, x in places.items()], pts_ns, is_at_feet=True)
        assert len({thing.key for thing in things}) == len(things) == len(places)
        assert [thing.track_id for thing in things] == sorted(places)
