"""Kept frames: pages, access, what is old."""

from dataclasses import replace

import pytest

from sightline.errors import Conflict, NotFound
from sightline.records.frames import Frames, KeptFrame


@pytest.fixture
def frames(database) -> Frames:
    return Frames(database)


def _frame(number: int, camera: str = "door") -> KeptFrame:
    return KeptFrame(
        camera, "processed", f"frames/{number}.jpg", "local", "0" * 64, 1000, 640, 360, float(number), ({"analyzer": "x"},)
    )


def test_a_frame_is_kept_whole(frames):
    kept = frames.add(_frame(1))
    assert kept.id is not None
    assert replace(kept, id=None) == _frame(1)
    assert frames.get(kept.id) == kept
    assert frames.list() == (kept,)


def test_a_key_is_taken_once(frames):
    frames.add(_frame(1))
    with pytest.raises(Conflict):
        frames.add(_frame(1, "other"))
    assert len(frames.list()) == 1


def test_pages_and_cameras(frames):
    kept = [frames.add(_frame(n, "ab"[n % 2])) for n in range(6)]
    assert frames.list(limit=2) == (kept[5], kept[4])
    assert frames.list(limit=2, before_id=kept[4].id) == (kept[3], kept[2])
    assert frames.list(camera="a") == (kept[4], kept[2], kept[0])
    assert frames.list(among=("b",)) == (kept[5], kept[3], kept[1])
    assert frames.list(camera="a", among=("b",)) == ()


def test_old_ones_come_in_batches(frames):
    kept = [frames.add(_frame(n)) for n in range(5)]
    assert frames.older_than(4.0, limit=3) == tuple(kept[:3])
    assert frames.older_than(4.0, limit=3, after_id=kept[2].id) == (kept[3],)


def test_what_is_deleted_is_not_found(frames):
    kept = frames.add(_frame(1))
    frames.delete(kept.id)
    for ask in (frames.get, frames.delete):
        with pytest.raises(NotFound):
            ask(kept.id)
