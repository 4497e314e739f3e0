"""The JSON spellings of what the engine tells. Pure.

Findings go out up to ten times a second and camera, so their size is bounded: at most so many detections, no masks, no marks, no
points of dense meshes. Numbers that JSON cannot spell (a NaN of a broken model) never leave.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from sightline.analysis.foremost import public
from sightline.live.status import CameraStats, CameraStatus, Snapshot
from sightline.media.findings import Detection, Findings
from sightline.records.events import Event

MOST_DETECTIONS = 100
"""Per analyzer; the surest go out."""
MOST_KEYPOINTS = 64
"""A body has 33 and two hands 42; a face mesh, with its hundreds, is there to be painted, not to be sent."""
MOST_ITEMS = 256
"""Of a list or map in the measures; a colour histogram has 64 bins a channel."""
LONGEST_WORDS = 500


def status_json(status: CameraStatus) -> dict[str, Any]:
    return asdict(status)


def stats_json(stats: CameraStats) -> dict[str, Any]:
    answer: dict[str, Any] = bounded(asdict(stats))
    return answer


def findings_json(findings: Iterable[Findings]) -> list[dict[str, Any]]:
    now_ns = time.monotonic_ns()
    return [_findings(found, now_ns) for found in public(findings)]


def event_json(event: Event) -> dict[str, Any]:
    return {
        "id": event.id, "camera": event.camera_id, "kind": event.kind, "message": event.message, "at": event.at,
        "pts_ns": event.pts_ns, "facts": dict(event.facts),
    }  # fmt: skip


def snapshot_json(snapshot: Snapshot, jpeg_base64: str) -> dict[str, Any]:
    return {
        "jpeg_base64": jpeg_base64, "view": snapshot.view, "seq": snapshot.seq, "pts_ns": snapshot.pts_ns,
        "captured_at": snapshot.captured_at, "width": snapshot.width, "height": snapshot.height,
        "findings": findings_json(snapshot.findings),
    }  # fmt: skip


def _findings(found: Findings, now_ns: int) -> dict[str, Any]:
    sure = [detection for detection in found.detections if _is_finite(detection)]
    if len(sure) > MOST_DETECTIONS:
        sure = sorted(sure, key=lambda detection: -detection.score)[:MOST_DETECTIONS]
    return {
        "analyzer": found.analyzer, "camera": found.camera_id, "seq": found.seq, "pts_ns": found.pts_ns,
        "age_ms": round((now_ns - found.captured_ns) / 1e6, 1), "size": list(found.size_px),
        "detections": [_detection(detection) for detection in sure], "measures": bounded(found.measures),
    }  # fmt: skip


def _detection(detection: Detection) -> dict[str, Any]:
    points = detection.keypoints if len(detection.keypoints) <= MOST_KEYPOINTS else ()
    return {
        "label": detection.label, "score": round(detection.score, 4), "box": [round(edge, 1) for edge in detection.box],
        "track_id": detection.track_id,
        "keypoints": bounded([(round(x, 1), round(y, 1), round(score, 3)) for x, y, score in points]),
        "attributes": bounded(detection.attributes),
    }  # fmt: skip


def _is_finite(detection: Detection) -> bool:
    return math.isfinite(detection.score) and all(math.isfinite(edge) for edge in detection.box)


def bounded(value: Any) -> Any:
    """`value` as JSON of a bounded size; a number that JSON cannot spell becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value[:LONGEST_WORDS]
    if isinstance(value, Mapping):
        return {str(name)[:LONGEST_WORDS]: bounded(value[name]) for name in islice(value, MOST_ITEMS)}
    if isinstance(value, list | tuple):
        return [bounded(item) for item in value[:MOST_ITEMS]]
    return value
