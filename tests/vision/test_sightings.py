"""Each thing once per visit."""

from sightline.vision.sightings import Sightings

S = 1_000_000_000


def test_a_thing_that_stays_is_told_once() -> None:
    visits = Sightings(5.0)
    assert [visits.see("a", t * S) for t in range(0, 60, 4)] == [True] + [False] * 14


def test_a_thing_that_comes_back_is_told_again() -> None:
    visits = Sightings(5.0)
    assert [visits.see("a", t * S) for t in (0, 5, 11, 12)] == [True, False, True, False]
    assert visits.see("b", 12 * S)


def test_a_clock_that_goes_back_begins_anew() -> None:
    visits = Sightings(5.0)
    assert visits.see("a", 100 * S)
    assert visits.see("a", 50 * S)


def test_memory_is_bounded_and_forgets_the_longest_unseen() -> None:
    visits = Sightings(1000.0, most=3)
    for number in range(4):
        visits.see(str(number), number * S)
    assert visits.see("0", 5 * S)
    assert not visits.see("3", 5 * S)
