"""People in every frame of every clip: the detector and the Kalman tracker of the dashboard, each clip for itself.

The files of stage `track`: `<clip>.json`, which says what found people and has the rows of `Sighting`. A clip that was looked at
to its end is not looked at again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.analysis.replay import Replayed, replay
from sightline.errors import AnalyzerError, JobError
from sightline.jobs.contract import Work
from sightline.jobs.kinds.annotation import clips
from sightline.jobs.kinds.annotation.clips import Clip, Cut
from sightline.jobs.kinds.annotation.params import AnnotationParams
from sightline.media.chain import ChainSpec
from sightline.media.findings import Box
from sightline.media.stage import Resources
from sightline.media.wanted import wanted_analyzers

STAGE = "track"
DETECTOR, TRACKER = "object_detection", "multi_object_tracking"
LEAST_LOOKS = 2
"""Who was seen in fewer frames of a clip was nobody. A clip of one frame has no second look."""
LONGEST_GAP_S = 1.0
"""Who was out of sight no longer was in between: the boxes there are put on the way from the last to the next."""
HOG_NAME = "OpenCV HOG"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person in one frame of a clip."""

    frame: int
    """From 0."""
    track_id: int
    """From 1, by first sight; the same person keeps it within the clip."""
    score: float
    """The detector's; the lower of its neighbours' for a box that was put in between."""
    box: Box
    """xyxy in pixels of the clip's frames, inside them."""


def track(work: Work) -> None:
    """Look at every frame of every clip."""
    cut = Cut.read(work.folder_of(clips.STAGE))
    wanted, resources = _wanted(work.params), Resources(work.models)
    frames, done = sum(clip.frame_count for clip in cut.clips), 0
    for clip in cut.clips:
        file = f"{clip.name}.json"
        if not work.is_kept(file):
            path = work.folder_of(clips.STAGE) / "clips" / f"{clip.name}.mp4"
            rows: list[Sighting] = []
            means: dict[str, str] = {}
            seen_frames = 0
            for seen in _followed(path, wanted, resources):
                rows += _sightings(seen.findings[TRACKER].detections, seen_frames, cut.size_px)
                means = _means(seen)
                seen_frames += 1
                work.progress((done + seen_frames) / frames, clip.name)
            if seen_frames != clip.frame_count:
                raise JobError(f"The clip {clip.name} lost frames on the disk. Try again.", code="clip_damaged")
            told = [[row.frame, row.track_id, row.score, *row.box] for row in _steady(_filled(rows, clip), clip)]
            (work.folder / file).write_text(json.dumps({**means, "rows": told}, separators=(",", ":")), encoding="utf-8")
            work.keep(file)
        done += clip.frame_count
    if HOG_NAME in read_means(work.folder, cut)["model"]:
        work.notice(
            "People were found by OpenCV's HOG, which misses whoever is small or half hidden, because no detector's weight file is "
            "here. Fetch one with `python -m sightline.media.models fetch yolox_nano`."
            if work.params.model == "auto" else "People were found by OpenCV's HOG, which misses whoever is small or half hidden."
        )  # fmt: skip


def read_people(folder: Path, clip: Clip) -> list[Sighting]:
    """What stage `track` wrote about a clip, by frame and track."""
    rows = _read(folder, clip)["rows"]
    return [Sighting(frame, track_id, score, (x1, y1, x2, y2)) for frame, track_id, score, x1, y1, x2, y2 in rows]


def read_means(folder: Path, cut: Cut) -> dict[str, str]:
    """`{"model": …, "appearance": …}`: what found people and what told them apart.

    More than one, with commas, when a weight file was added while the job waited to go on.
    """
    told = [_read(folder, clip) for clip in cut.clips]
    return {name: ", ".join(dict.fromkeys(one[name] for one in told)) for name in ("model", "appearance")}


def _read(folder: Path, clip: Clip) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / f"{clip.name}.json").read_text(encoding="utf-8"))
    return told


def _followed(path: Path, wanted: dict[str, Any], resources: Resources) -> Iterator[Replayed]:
    try:
        yield from replay(path, wanted, resources)
    except AnalyzerError as err:
        raise JobError(f"People could not be followed: {err.message}", code="analyzer_failed") from err


def _means(seen: Replayed) -> dict[str, str]:
    return {
        "model": str(seen.findings[DETECTOR].measures["model"]),
        "appearance": str(seen.findings[TRACKER].measures["appearance"]),
    }


def _wanted(params: AnnotationParams) -> dict[str, Any]:
    # A person counts from the first look, so that nobody is missing in a clip's first frame: with the whole clip known, those seen
    # only once are sorted out afterwards.
    options: dict[str, object] = {
        "classes": "people", "begin_score": params.confidence, "least_hits": 1, "trail_s": 0.0,
    }  # fmt: skip
    spec = ChainSpec.default().with_options({
        TRACKER: True, **{f"{TRACKER}_{name}": value for name, value in options.items()},
        f"{DETECTOR}_classes": "people", f"{DETECTOR}_confidence": params.confidence, f"{DETECTOR}_model": params.model,
    })  # fmt: skip
    return wanted_analyzers(spec)


def _sightings(detections: Any, frame: int, size_px: tuple[int, int]) -> list[Sighting]:
    sightings = []
    for found in detections:
        box = _inside(found.box, size_px)
        if box[2] > box[0] and box[3] > box[1]:
            sightings.append(Sighting(frame, found.track_id, round(min(1.0, max(0.0, found.score)), 4), box))
    return sightings


def _inside(box: Box, size_px: tuple[int, int]) -> Box:
    x1, x2 = (round(min(max(x, 0.0), size_px[0]), 2) for x in (box[0], box[2]))
    y1, y2 = (round(min(max(y, 0.0), size_px[1]), 2) for y in (box[1], box[3]))
    return (x1, y1, x2, y2)


def _filled(rows: list[Sighting], clip: Clip) -> list[Sighting]:
    """With everybody who was out of sight for a short while in the frames of that while."""
    most = int(LONGEST_GAP_S * clip.rate)
    last: dict[int, Sighting] = {}
    between = []
    for row in rows:
        before = last.get(row.track_id, row)
        if 1 < row.frame - before.frame <= most:
            between += [_on_the_way(before, row, frame) for frame in range(before.frame + 1, row.frame)]
        last[row.track_id] = row
    return sorted([*rows, *between], key=lambda row: row.frame)


def _on_the_way(before: Sighting, after: Sighting, frame: int) -> Sighting:
    share = (frame - before.frame) / (after.frame - before.frame)
    x1, y1, x2, y2 = (round(a + (b - a) * share, 2) for a, b in zip(before.box, after.box, strict=True))
    return Sighting(frame, after.track_id, min(before.score, after.score), (x1, y1, x2, y2))


def _steady(rows: list[Sighting], clip: Clip) -> list[Sighting]:
    """Without those seen too rarely; the others numbered from 1 by first sight."""
    looks = Counter(row.track_id for row in rows)
    least = min(LEAST_LOOKS, clip.frame_count)
    numbers: dict[int, int] = {}
    kept = []
    for row in rows:
        if looks[row.track_id] >= least:
            number = numbers.setdefault(row.track_id, len(numbers) + 1)
            kept.append(Sighting(row.frame, number, row.score, row.box))
    return sorted(kept, key=lambda row: (row.frame, row.track_id))
