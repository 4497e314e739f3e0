"""The annotation package of real films: nothing left out, boxes inside the picture, two readers that take it, and how well people
are followed where the truth is known. `python -m benchmarks.batch_annotation`, or as part of `python -m benchmarks.batch`.

The first reader knows the description of the format alone. The second is MMAction2's lookup as its documentation gives it. Stock
ByteTrack, which the tracks are compared with, gets the boxes that the same detector finds in the very same clip.
"""

import io
import pickle
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import analyzers
from benchmarks.accuracy.mot import Boxes, Footage, asset, best_stock, read_truth, score
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.jobs.execute import execute
from sightline.jobs.kinds.annotation.clips import Cut
from sightline.jobs.kinds.annotation.people import read_people
from sightline.jobs.workspace import Workspace
from sightline.media.findings import Box, Detection
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.records.database import Database
from sightline.records.jobs import Job, JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import make_storage

FILMS = ("houses_slideshow.mp4", "street_people_720p.mp4", "surveillance_people_69f.mp4")
"""By name, as the package numbers them."""
KNOWN = "surveillance_people_69f.mp4"
SIZE = (1280, 720)
MODEL = "yolov8n"
ASKED = {"model": MODEL, "fps": 60.0}
"""All pictures are frames: no film here has more than 60 a second."""
WANTED_IDF1 = 0.85
PERSON_DET_SCORE_THR = 0.9
"""MMAction2's default."""


@dataclass(frozen=True, slots=True)
class Made:
    """A job that is done."""

    job: Job
    stages: Path
    package: zipfile.ZipFile
    took_s: float

    @property
    def cut(self) -> Cut:
        return Cut.read(self.stages / "cut")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report("batch_annotation", *annotation_figures(Path(folder)))


def annotation_figures(folder: Path) -> tuple[list[Figure], dict[str, object]]:
    """All figures of one package; `folder` is empty."""
    analyzers.load(entry_points=False)
    made = _made(folder)
    proposals = pickle.loads(made.package.read("dense_proposals.pkl"))  # our own, just written
    clips = {name: found for name, found in proposals.items() if isinstance(found, dict)}
    decoded = sum(_pictures(ASSETS / "video" / name) for name in FILMS)
    boxes = [row[:4] for found in clips.values() for rows in found.values() for row in rows]
    inside = sum(0 <= x1 < x2 <= SIZE[0] and 0 <= y1 < y2 <= SIZE[1] for x1, y1, x2, y2 in boxes)
    taken = sum(_read_by_description(made.package, clip, found) for clip, found in clips.items())
    looked, right = _read_by_lookup(proposals, made.cut)
    tracked = _tracked(made)
    ours, stock = score(tracked.truth, tracked.ours), best_stock(tracked)
    figures = [
        Figure("frames in the package", sum(len(found) for found in clips.values()), "frames", "decoded", decoded, "higher", 1.0),
        Figure("boxes inside the picture", inside, "boxes", "all", len(boxes), "higher", 1.0),
        Figure("frames that the first reader takes", taken, "frames", "decoded", decoded, "higher", 1.0),
        Figure("seconds that the second reader takes", right, "seconds", "asked for", looked, "higher", 1.0),
        Figure("surveillance, frames 1-69: MOTA", ours.mota, "", "stock ByteTrack", stock.mota, "higher", 1.0),
        Figure("surveillance, frames 1-69: IDF1", ours.idf1, "", "stock ByteTrack", stock.idf1, "higher", 1.0),
        Figure("surveillance, frames 1-69: IDF1", ours.idf1, "", "wanted", WANTED_IDF1, "higher", 1.0),
    ]
    notes = {
        "changes of number, ours / stock": f"{ours.switches} / {stock.switches}",
        "sha256 of final_package.zip": next(output.sha256 for output in made.job.outputs if output.name == "final_package.zip"),
        "took": f"{made.took_s:.0f} s for {decoded} pictures at {SIZE[0]}x{SIZE[1]} with {MODEL}",
    }
    return figures, notes


def _made(folder: Path) -> Made:
    """A package of all films, in this process."""
    settings = Settings.from_env({"MODELS_MIRROR": str(ASSETS / "weights"), "DATA_DIR": str(folder)})
    uploads = folder / "uploads"
    uploads.mkdir()
    inputs = []
    for name in FILMS:
        path = Path(shutil.copy(asset(f"video/{name}"), uploads / name))
        inputs.append(JobInput(name, f"uploads/{name}", sha256(path.read_bytes()).hexdigest(), path.stat().st_size))
    database = Database(settings.database)
    database.migrate()
    jobs, begin_s = Jobs(database), time.monotonic()
    job_id = jobs.add(NewJob("annotation", inputs, ASKED, None, 3600.0))[0].id
    claimed = jobs.claim("benchmark", 3600.0, time.time())
    assert claimed is not None
    execute(job_id, claimed.attempt, settings, database)
    job, took_s = jobs.get(job_id), time.monotonic() - begin_s
    database.close()
    if job.state != JobState.SUCCEEDED:
        fail(f"the job ended as {job.state}: {job.error}")
    package = zipfile.ZipFile(io.BytesIO(make_storage(settings).get(f"jobs/{job_id}/final_package.zip")))
    return Made(job, Workspace(settings, job_id).folder / "stages", package, took_s)


def _pictures(path: Path) -> int:
    """How many pictures a film holds, counted by decoding it."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def _read_by_description(package: zipfile.ZipFile, clip: str, found: dict[str, list[list[float]]]) -> int:
    """How many frames are where a reader looks for them: it numbers pictures by the keys, and takes the number from the name."""
    with zipfile.ZipFile(io.BytesIO(package.read(f"frames/{clip}.zip"))) as frames:
        names = frames.namelist()
        taken = 0
        for index, name in enumerate(found):
            number = re.search(r"_(\d+)\.jpg$", name)
            picture = cv2.imdecode(np.frombuffer(frames.read(name), np.uint8), cv2.IMREAD_COLOR) if name in names else None
            is_right = number is not None and int(number[1]) == index and names[index] == name
            taken += is_right and picture is not None and picture.shape == (SIZE[1], SIZE[0], 3)
    return taken


def _read_by_lookup(proposals: dict[str, Any], cut: Cut) -> tuple[int, int]:
    """(seconds asked for, seconds whose answer is the boxes of that second's first frame), as `AVADataset` looks them up."""
    asked = right = 0
    for clip in cut.clips:
        for second in range(int(clip.frame_count / clip.rate)):
            place = -(-second * clip.rate.numerator // clip.rate.denominator)
            rows = proposals[clip.name][f"{clip.name}_frame_{place:04d}.jpg"]
            asked += 1
            right += np.allclose(_looked_up(proposals, f"{clip.name},{second:04d}"), _expected(rows), atol=1e-4)
    return asked, right


def _looked_up(proposals: dict[str, Any], key: str) -> NDArray[np.float32]:
    if key not in proposals:
        return np.array([[0, 0, 1, 1]], np.float32)
    found = proposals[key]
    assert found.shape[-1] in (4, 5)
    if found.shape[-1] == 5:
        found = found[found[:, 4] >= min(PERSON_DET_SCORE_THR, max(found[:, 4]))]
    boxes: NDArray[np.float32] = found[:, :4]
    assert boxes.max() <= 1
    assert boxes.min() >= 0
    return boxes


def _expected(rows: list[list[float]]) -> NDArray[np.float32]:
    if not rows:
        return np.array([[0, 0, 1, 1]], np.float32)
    least = min(PERSON_DET_SCORE_THR, max(row[4] for row in rows))
    return np.array([row[:4] for row in rows if row[4] >= least], np.float32) / (*SIZE, *SIZE)


def _tracked(made: Made) -> Footage:
    """The film whose truth is known, in its own pixels: letterboxing is taken back."""
    (clip,) = [clip for clip in made.cut.clips if made.cut.videos[clip.video - 1].source == KNOWN]
    with av.open(str(ASSETS / "video" / KNOWN)) as container:
        scale, left, top = _letterbox(container.streams.video[0].width, container.streams.video[0].height)

    def back(box: Box) -> Box:
        return ((box[0] - left) / scale, (box[1] - top) / scale, (box[2] - left) / scale, (box[3] - top) / scale)

    ours: Boxes = {number: [] for number in range(1, clip.frame_count + 1)}
    for seen in read_people(made.stages / "track", clip):
        ours[seen.frame + 1].append((seen.track_id, back(seen.box)))
    found = {
        number: [Detection(d.label, d.score, back(d.box)) for d in boxes]
        for number, boxes in _found(made.stages / "cut" / "clips" / f"{clip.name}.mp4")
    }
    truth = read_truth(asset("groundtruth/mot15_PETS09-S2L1/gt_frames1-69_480x360.txt"))
    return Footage("surveillance", truth, found, ours, float(clip.rate))


def _letterbox(width: int, height: int) -> tuple[float, float, float]:
    """Scale, and the width of the bars on the left and above."""
    scale = min(SIZE[0] / width, SIZE[1] / height)
    return scale, (SIZE[0] - width * scale) / 2, (SIZE[1] - height * scale) / 2


def _found(path: Path) -> Iterator[tuple[int, list[Detection]]]:
    """All boxes of the detector in each picture of a clip, uncertain ones included."""
    info = stage("object_detection")
    detector = info.factory(
        make_params(info, {"model": MODEL, "classes": "people"}), Resources(ModelStore(ASSETS / "models", ASSETS / "weights"))
    )
    with av.open(str(path)) as container:
        for number, picture in enumerate(container.decode(video=0), 1):
            pts_ns = round((picture.time or 0.0) * 1e9)
            frame = Frame("benchmark", number, pts_ns, pts_ns, 0.0, BgrPicture(picture.to_ndarray(format="bgr24")))
            seen = detector.analyze([frame])[0]
            yield number, [*seen.detections, *seen.candidates]


if __name__ == "__main__":
    main()
