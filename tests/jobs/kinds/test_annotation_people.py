"""Who was out of sight for a moment is there in between."""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sightline.jobs.kinds.annotation.clips import Clip
from sightline.jobs.kinds.annotation.people import Sighting, _filled

RATE = Fraction(10)
CLIP = Clip("1_clip_000", 1, RATE, 100, ())


@st.composite
def sightings(draw):
    """Rows by frame, as the tracker gives them."""
    seen = draw(st.sets(st.tuples(st.integers(0, 99), st.integers(1, 4)), max_size=60))
    edges = st.floats(0, 300).map(lambda x: round(x, 2))
    return [
        Sighting(frame, track_id, draw(st.floats(0.1, 1)), (x, y, x + 10, y + 20))
        for frame, track_id in sorted(seen) for x, y in [(draw(edges), draw(edges))]
    ]  # fmt: skip


@given(sightings())
def test_short_gaps_are_filled_between_their_ends_and_nothing_else_changes(rows):
    filled = _filled(rows, CLIP)
    assert [row.frame for row in filled] == sorted(row.frame for row in filled)
    assert set(rows) <= set(filled)
    before, after = by_track(rows), by_track(filled)
    assert before.keys() == after.keys()
    for track_id, seen in before.items():
        expected = set(seen)
        for first, second in pairwise(sorted(seen)):
            if second - first <= RATE:
                expected |= set(range(first, second))
                for frame in range(first, second):
                    row = after[track_id][frame]
                    ends = (seen[first], seen[second])
                    assert min(e.score for e in ends) <= row.score <= max(e.score for e in ends)
                    for edge, a, b in zip(row.box, ends[0].box, ends[1].box, strict=True):
                        assert min(a, b) - 0.01 <= edge <= max(a, b) + 0.01
        assert set(after[track_id]) == expected


def by_track(rows):
    tracks = defaultdict(dict)
    for row in rows:
        assert row.frame not in tracks[row.track_id]
        tracks[row.track_id][row.frame] = row
    return tracks


def test_a_box_in_between_lies_half_way_and_is_no_surer_than_its_neighbours():
    rows = [Sighting(0, 1, 0.9, (0.0, 0.0, 10.0, 20.0)), Sighting(2, 1, 0.5, (4.0, 2.0, 14.0, 22.0))]
    assert _filled(rows, CLIP)[1] == Sighting(1, 1, 0.5, (2.0, 1.0, 12.0, 21.0))
