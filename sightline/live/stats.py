"""Makes a camera's statistics from its counters. Called by the engine, about once a second per camera."""

import time
from collections import Counter

from sightline.analysis.foremost import foremost, public
from sightline.analysis.scheduler import Analysis, AnalyzerReport
from sightline.live.camera import LiveCamera
from sightline.live.chain_runner import RunningFilter
from sightline.live.status import CameraStats, StageStats
from sightline.media.wanted import active_stages
from sightline.media.window import Window

QUALITY_STAGE = "advanced_analysis"


def camera_stats(camera: LiveCamera, analysis: Analysis) -> CameraStats:
    """The statistics of this moment."""
    status = camera.status()
    findings = camera.findings_now()
    hub = camera.hub
    latency = hub.counters.latency_ms.summary()
    quality = findings.get(QUALITY_STAGE)
    return CameraStats(
        camera=status.id,
        frames_processed=camera.counters.captured.total - camera.chain_drops,
        faces_detected=analysis.distinct(status.id, "face_detection"),
        motion_events=camera.motion.started,
        objects_detected=analysis.distinct(status.id, "object_detection"),
        runtime_seconds=round(time.monotonic() - camera.counters.since_s, 1),
        fps=round(camera.counters.shown.rate_hz() if hub.wants("processed") else camera.counters.captured.rate_hz(), 2),
        source_fps=status.source_fps,
        avg_processing_time_ms=round(camera.counters.chain_ms.summary().mean, 2),
        processing_enabled=status.processing,
        latency_ms={"p50": round(latency.p50, 1), "p95": round(latency.p95, 1)},
        frames_dropped=camera.chain_drops + camera.encode_drops,
        viewers=status.viewers,
        encoders=status.encoders,
        encodes_total=hub.counters.cost_ms.total,
        stages=_stages(camera, analysis),
        counts=dict(Counter(detection.label for found in foremost(findings.values()) for detection in found.detections)),
        measures={f.analyzer: dict(f.measures) for f in public(findings.values()) if f.measures and f.analyzer != QUALITY_STAGE},
        quality=dict(quality.measures) if quality is not None else None,
        state=status.state,
    )


def _stages(camera: LiveCamera, analysis: Analysis) -> tuple[StageStats, ...]:
    running = {stage.choice: stage for stage in camera.runner.filters}
    chosen = [choice for choice in active_stages(camera.config.chain) if choice.info.kind == "filter"]
    # One that has not met a frame yet (nobody watches) stands in the list with zeros.
    filters = [_filter_row(running.get(choice) or RunningFilter(choice)) for choice in chosen]
    analyzers = [_analyzer_row(report) for report in analysis.reports(camera.config.id)]
    pipeline = [
        _row("decode", "pipeline", camera.counters.decode_ms, 0),
        _row("paint", "pipeline", camera.counters.paint_ms, camera.chain_drops),
        _row("encode", "pipeline", camera.hub.counters.cost_ms, camera.encode_drops),
    ]
    return (*filters, *analyzers, *pipeline)


def _analyzer_row(report: AnalyzerReport) -> StageStats:
    return StageStats(
        report.name, "analyzer", round(report.p50_ms, 2), round(report.p95_ms, 2), report.frames, report.drops,
        round(report.rate_hz, 2), report.state, report.error, report.backend,
    )  # fmt: skip


def _filter_row(stage: RunningFilter) -> StageStats:
    row = _row(stage.choice.name, "filter", stage.cost_ms, stage.passed_over)
    return StageStats(
        row.name, row.kind, row.p50_ms, row.p95_ms, row.frames, row.drops, row.rate_hz, stage.state, stage.error or stage.notice
    )


def _row(name: str, kind: str, cost_ms: Window, drops: int) -> StageStats:
    cost = cost_ms.summary()
    return StageStats(name, kind, round(cost.p50, 2), round(cost.p95, 2), cost_ms.total, drops, round(cost.rate_hz, 2))
