"""Plays a file through analyzers as fast as they are, frame by frame, and gives what they find: for jobs, tests and measurements.

Every frame waits for all its findings (exact mode), so that the same file and the same parameters give the same findings.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.analysis.scheduler import Analysis
from sightline.errors import AnalyzerError
from sightline.media.findings import Findings
from sightline.media.footage import frames_of
from sightline.media.frame import Frame
from sightline.media.stage import Resources

CAMERA_ID = "replay"
COST_PREFIX = "cost_"
"""Measures of computing time begin with this; they differ from run to run."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One frame and what is known about it, by analyzer."""

    frame: Frame
    findings: Mapping[str, Findings]


class _Heard:
    """Collects what the analyzers of one frame say."""

    def __init__(self) -> None:
        self.findings: dict[str, Findings] = {}
        self.failure = ""

    def on_findings(self, findings: Findings) -> None:
        self.findings[findings.analyzer] = findings

    def on_stage_event(self, kind: str, stage_name: str, message: str) -> None:
        if kind == "analysis.failed":
            self.failure = f"{stage_name}: {message}"


def replay(path: Path, wanted: Mapping[str, Any], resources: Resources) -> Iterator[Replayed]:
    """Run the analyzers `wanted` (name → parameters, what one reads before it) over every frame of a video file.

    Raises:
        Invalid: the file cannot be read. AnalyzerError: an analyzer fails.
    """
    analysis, heard = Analysis(resources, threads=1), _Heard()
    try:
        analysis.watch(CAMERA_ID, heard)
        analysis.configure(CAMERA_ID, wanted, "exact")
        for frame in frames_of(path, CAMERA_ID):
            heard.findings = {}
            analysis.submit(frame)
            if heard.failure:
                raise AnalyzerError(heard.failure, code="replay_failed")
            yield Replayed(frame, heard.findings)
    finally:
        analysis.close()


def digest(replayed: Iterator[Replayed]) -> str:
    """Hex sha256 over all findings but their cost: equal for equal findings, to the last bit of every number."""
    summed = hashlib.sha256()
    for item in replayed:
        for name in sorted(item.findings):
            found = item.findings[name]
            told = (name, found.seq, found.pts_ns, found.detections, found.marks, found.happenings, _timeless(found))
            summed.update(repr(told).encode())
            if found.mask is not None:
                summed.update(found.mask.values.tobytes())
    return summed.hexdigest()


def _timeless(found: Findings) -> list[tuple[str, object]]:
    return sorted((name, value) for name, value in found.measures.items() if not name.startswith(COST_PREFIX))
