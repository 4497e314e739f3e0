"""What to show when several analyzers speak of the same things. Pure."""

from collections.abc import Iterable

from sightline.media.findings import Findings
from sightline.media.stage import stage, stages


def foremost(findings: Iterable[Findings]) -> list[Findings]:
    """Leave out what an interpreter among them tells better: boxes whose tracks are there, faces whose names are there.

    Hidden analyzers tell their filters and nobody else.
    """
    told = public(findings)
    retold = {stage(found.analyzer).reads for found in told if found.detections}
    return [found for found in told if found.analyzer not in retold]


def public(findings: Iterable[Findings]) -> list[Findings]:
    """Leave out what hidden analyzers say: where the privacy blur looks for faces is no count of faces."""
    hidden = {info.name for info in stages() if info.is_hidden}
    return [found for found in findings if found.analyzer not in hidden]
