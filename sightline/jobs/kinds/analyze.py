"""Analyze: what a whole file shows, as JSON lines, a table, a summary, and the film with everything drawn on it.

One decode feeds both the analyzers (every frame waits for its findings) and the encoder of the annotated film.
"""

import csv
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sightline.analysis.foremost import foremost
from sightline.analysis.replay import Replayed, replay
from sightline.errors import AnalyzerError, Invalid, JobError
from sightline.jobs.commands import failure_of, started
from sightline.jobs.contract import JobKind, JobStage, Work, WorkInput
from sightline.jobs.previews import Preview
from sightline.media.chain import ChainSpec
from sightline.media.demux import CONTAINERS
from sightline.media.ffmpeg import quiet, reading
from sightline.media.findings import Findings
from sightline.media.footage import Footage, footage_of
from sightline.media.frame import Image
from sightline.media.stage import Resources, param, stages
from sightline.media.wanted import shown_analyzers, wanted_analyzers
from sightline.vision.paint import paint

CHOICES = (
    "motion_detection",
    "face_detection",
    "object_detection",
    "multi_object_tracking",
    "pose_estimation",
    "advanced_analysis",
)
STEM_MAX_BYTES = 120
COLUMNS = ("frame", "time_s", "analyzer", "label", "score", "track", "x1", "y1", "x2", "y2")
LONGEST_STILL_S = 60.0


@dataclass(frozen=True)
class AnalyzeParams:
    look_for: tuple[str, ...] = param(("object_detection", "multi_object_tracking"), "Analyzers", choices=CHOICES)
    annotated: bool = param(True, "Film with everything drawn on it")
    confidence: float = param(0.4, "Confidence of objects", minimum=0.05, maximum=0.95, step=0.05)


@dataclass(slots=True)
class _Summary:
    """What is counted over one file."""

    frames: int = 0
    labels: Counter[str] | None = None
    most: Counter[str] | None = None
    happenings: list[dict[str, Any]] | None = None


def look(work: Work) -> None:
    """Decode each file once: findings to JSON lines and a table, the drawn picture to the encoder."""
    chain = _chain(work)
    resources = Resources(work.models)
    for number, item in enumerate(work.inputs):
        stem = _stem(item.name) if len(work.inputs) == 1 else f"{number + 1}_{_stem(item.name)}"
        _look_at(work, item, stem, chain, resources, number)


def _stem(name: str) -> str:
    """What the results of a file are called: its name as far as every storage can keep it."""
    stem = Path(name.replace("\\", "/")).stem.lstrip(".")
    return stem.encode()[:STEM_MAX_BYTES].decode("utf-8", "ignore") or "film"


def _chain(work: Work) -> ChainSpec:
    known = {info.name: info for info in stages() if not info.is_hidden}
    resources = Resources(work.models)
    changes: dict[str, object] = {"object_detection_confidence": work.params.confidence}
    for name in work.params.look_for:
        reason = known[name].unavailable(resources) if name in known else "it is not installed"
        if reason is None:
            changes[name] = True
        else:
            work.notice(f"{known[name].label if name in known else name} was left out: {reason}")
    if len(changes) == 1:
        raise Invalid("None of the chosen analyzers can run here.", code="no_analyzer", field="params.look_for")
    return ChainSpec.default().with_options(changes)


def _look_at(work: Work, item: WorkInput, stem: str, chain: ChainSpec, resources: Resources, number: int) -> None:
    footage = footage_of(item.path)
    shown = shown_analyzers(chain)
    frames_expected = max(1.0, footage.duration_s * footage.fps)
    summary = _Summary(0, Counter(), Counter(), [])
    with (
        work.result(f"{stem}_findings.jsonl", "application/x-ndjson").open("w", encoding="utf-8") as lines,
        work.result(f"{stem}_findings.csv", "text/csv").open("w", encoding="utf-8", newline="") as table,
        _film(work, item, stem, footage) as film,
    ):
        rows = csv.writer(table)
        rows.writerow(COLUMNS)
        preview = Preview(work.preview)
        for seen in _replayed(item, chain, resources):
            told = [found for name, found in seen.findings.items() if name in shown]
            lines.write(json.dumps(_line(seen, told), separators=(",", ":")) + "\n")
            rows.writerows(_rows(seen, told))
            _count(summary, seen, told)
            if film is not None:
                drawn = paint(seen.frame.image, foremost(told))
                film.show(seen.frame.pts_ns, drawn)
                preview.show(drawn)
            share = (number + min(1.0, summary.frames / frames_expected)) / len(work.inputs)
            work.progress(share, f"picture {summary.frames}")
    if not summary.frames:
        raise Invalid(f"{item.name} holds no picture.", code="no_video")
    told_all = {
        "file": item.name, "frames": summary.frames, "seen_in_frames": dict(summary.labels or {}),
        "most_at_once": dict(summary.most or {}), "happenings": summary.happenings,
    }  # fmt: skip
    work.result(f"{stem}_summary.json", "application/json").write_text(json.dumps(told_all, indent=2), encoding="utf-8")


def _replayed(item: WorkInput, chain: ChainSpec, resources: Resources) -> Iterator[Replayed]:
    try:
        yield from replay(item.path, wanted_analyzers(chain), resources)
    except AnalyzerError as err:
        raise JobError(f"An analyzer failed: {err.message}", code="analyzer_failed") from err


def _line(seen: Replayed, told: list[Findings]) -> dict[str, Any]:
    return {
        "frame": seen.frame.seq, "time_s": round(seen.frame.pts_ns / 1e9, 4), "size": list(seen.frame.size_px),
        "findings": [_findings(found) for found in told],
    }  # fmt: skip


def _findings(found: Findings) -> dict[str, Any]:
    detections = [
        {
            "label": d.label, "score": round(d.score, 4), "box": [round(edge, 2) for edge in d.box], "track": d.track_id,
            "keypoints": [[round(x, 1), round(y, 1), round(s, 3)] for x, y, s in d.keypoints], "attributes": dict(d.attributes),
        }
        for d in found.detections
    ]  # fmt: skip
    return {"analyzer": found.analyzer, "detections": detections, "measures": dict(found.measures)}


def _rows(seen: Replayed, told: list[Findings]) -> Iterator[tuple[object, ...]]:
    for found in told:
        for d in found.detections:
            box = (round(edge, 2) for edge in d.box)
            yield (seen.frame.seq, round(seen.frame.pts_ns / 1e9, 4), found.analyzer, d.label, round(d.score, 4), d.track_id, *box)


def _count(summary: _Summary, seen: Replayed, told: list[Findings]) -> None:
    assert summary.labels is not None
    assert summary.most is not None
    assert summary.happenings is not None
    summary.frames += 1
    now = Counter(d.label for found in foremost(told) for d in found.detections)
    summary.labels.update(now.keys())
    summary.most |= now
    time_s = round(seen.frame.pts_ns / 1e9, 3)
    for found in told:
        summary.happenings += [{"time_s": time_s, "kind": h.kind, "message": h.message, **h.facts} for h in found.happenings]


class _Film:
    """Gives the encoder a picture per tick of an even clock: a file of uneven rate keeps step with its sound."""

    def __init__(self, encoder: IO[bytes], fps: float) -> None:
        self._encoder = encoder
        self._fps = fps
        self._ticks = 0
        self._newest = b""

    def show(self, pts_ns: int, image: Image) -> None:
        # A clock that jumps by minutes is damage, not a picture that stands still.
        due = min(round(pts_ns / 1e9 * self._fps), self._ticks + round(LONGEST_STILL_S * self._fps))
        for _ in range(due - self._ticks if self._newest else 0):
            self._encoder.write(self._newest)
        self._ticks, self._newest = due, image.tobytes()

    def end(self) -> None:
        self._encoder.write(self._newest)


@contextmanager
def _film(work: Work, item: WorkInput, stem: str, footage: Footage) -> Iterator["_Film | None"]:
    """Takes drawn BGR pictures and makes the film of them, with the sound of the file; None when no film is wanted."""
    if not work.params.annotated:
        yield None
        return
    target = work.result(f"{stem}_annotated.mp4", "video/mp4")
    size = f"{footage.width_px}x{footage.height_px}"
    # H.264 wants even sides; sound is taken over from the file as it is where the container allows.
    command = quiet(
        "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", size, "-r", f"{footage.fps:.6f}", "-i", "pipe:0",
        *reading(item.path, CONTAINERS),
        "-map", "0:v", "-map", "1:a?", "-vf", f"pad=ceil(iw/2)*2:ceil(ih/2)*2,setsar={footage.sample_aspect}",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-movflags", "+faststart", str(target),
    )  # fmt: skip
    # Into a file: a pipe that nobody reads would stop the encoder once a damaged sound track has filled it with complaints.
    with (
        tempfile.TemporaryFile() as said,
        started(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as process,
    ):
        assert process.stdin is not None
        film = _Film(process.stdin, footage.fps)
        try:
            yield film
            film.end()
            process.stdin.close()
        except BrokenPipeError as err:
            raise failure_of(command, process.wait(), said) from err
        if (code := process.wait()) != 0:
            raise failure_of(command, code, said)


KIND = JobKind(
    name="analyze",
    label="Analyze",
    description="What a whole film shows: findings of every picture as JSON and table, and the film with everything drawn on it.",
    params=AnalyzeParams,
    stages=(JobStage("look", "Look at every picture", look),),
    most_inputs=20,
    estimate_s=lambda duration_s: 5 + 3 * duration_s,
)
