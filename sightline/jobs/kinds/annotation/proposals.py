"""`dense_proposals.pkl`: where people are, in one dictionary that two kinds of readers take.

* `{clip: {frame name: [[x1, y1, x2, y2, score, track id], …]}}`: pixels; every frame of the package has its key, an empty list says
  that nobody is there. Readers number frames by these keys.
* `'{clip},{second:04d}'`: `(n, 5)` float32 x1, y1, x2, y2, score, as shares of the picture (0..1), as MMAction2 looks them up.
  A second in which nobody is there has no key: that reader takes the whole picture then, and stumbles over empty arrays.
"""

import math
import pickle
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.jobs.contract import Work
from sightline.jobs.kinds.annotation import clips, people
from sightline.jobs.kinds.annotation.clips import Clip, Cut
from sightline.jobs.kinds.annotation.people import Sighting, read_people

STAGE = "proposals"
FILE = "dense_proposals.pkl"
PROTOCOL = 4

Rows = dict[int, list[Sighting]]
"""Frame of the clip → who is in it."""


def proposals(work: Work) -> None:
    """Write the pickle."""
    cut = Cut.read(work.folder_of(clips.STAGE))
    by_clip: dict[str, Any] = {}
    by_second: dict[str, NDArray[np.float32]] = {}
    for number, clip in enumerate(cut.clips):
        rows = by_frame(read_people(work.folder_of(people.STAGE), clip))
        by_clip[clip.name] = {name: _pixels(rows[place]) for name, place in zip(clip.frame_names, clip.places, strict=True)}
        by_second |= _seconds(clip, rows, cut.size_px)
        work.progress(number / len(cut.clips))
    with (work.folder / FILE).open("wb") as file:
        _Pickler(file, PROTOCOL).dump(by_clip | by_second)


def by_frame(sightings: list[Sighting]) -> Rows:
    """Sightings by frame; a frame without any gives an empty list."""
    rows: Rows = defaultdict(list)
    for sighting in sightings:
        rows[sighting.frame].append(sighting)
    return rows


def second_places(clip: Clip) -> dict[int, int]:
    """Second of the clip → its first frame. Slow films have seconds without any."""
    seconds: dict[int, int] = {}
    for second in range(math.ceil(clip.frame_count / clip.rate)):
        place = math.ceil(second * clip.rate)
        if place < clip.frame_count and place < (second + 1) * clip.rate:
            seconds[second] = place
    return seconds


def _pixels(sightings: list[Sighting]) -> list[list[float]]:
    return [[*(float(edge) for edge in s.box), float(s.score), s.track_id] for s in sightings]


def _seconds(clip: Clip, rows: Rows, size_px: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    width, height = size_px
    found = {}
    for second, place in second_places(clip).items():
        if rows[place]:
            values = np.array([(*s.box, s.score) for s in rows[place]]) / (width, height, width, height, 1)
            found[f"{clip.name},{second:04d}"] = np.clip(values, 0, 1).astype("<f4")  # (n, 5)
    return found


class _Pickler(pickle.Pickler):
    """Writes arrays as `numpy.ndarray(shape, dtype, buffer)`: numpy's own way names a module that versions before 2 do not have."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, "<f4", bytearray(value.tobytes()))
        return NotImplemented
