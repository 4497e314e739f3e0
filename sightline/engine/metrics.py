"""Prometheus metrics of the engine, read from the cameras' own counters at each scrape."""

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sightline.analysis.scheduler import Analysis
from sightline.engine.event_log import EventLog
from sightline.engine.fleet import Fleet
from sightline.live.camera import LiveCamera
from sightline.live.stats import camera_stats
from sightline.live.status import CameraStats, CameraStatus

Seen = tuple[LiveCamera, CameraStatus, CameraStats]
Measure = Callable[[LiveCamera, CameraStatus, CameraStats], float | None]


class EngineCollector(Collector):
    """Collects from the fleet; holds nothing itself."""

    def __init__(self, fleet: Fleet, analysis: Analysis, event_log: EventLog) -> None:
        self._fleet = fleet
        self._analysis = analysis
        self._event_log = event_log

    def collect(self) -> Iterable[Metric]:
        """One family per measure, one sample per camera (and stage)."""
        seen = [(camera, camera.status(), camera_stats(camera, self._analysis)) for camera in self._fleet.all()]
        yield from _camera_families(seen)
        yield from _stage_families([stats for _, _, stats in seen])
        lost = CounterMetricFamily("sightline_events_lost", "Events that could not be written to the database.")
        lost.add_metric([], self._event_log.lost)
        yield lost


def metrics_text(collector: EngineCollector) -> bytes:
    """The text exposition format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _camera_families(seen: list[Seen]) -> Iterator[Metric]:
    for name, (words, read) in COUNTERS.items():
        counter = CounterMetricFamily(f"sightline_{name}", words, labels=["camera"])
        for entry in seen:
            counter.add_metric([entry[1].id], read(*entry) or 0.0)
        yield counter
    for name, (words, read) in GAUGES.items():
        gauge = GaugeMetricFamily(f"sightline_{name}", words, labels=["camera"])
        for entry in seen:
            value = read(*entry)
            if value is not None:
                gauge.add_metric([entry[1].id], value)
        yield gauge


def _stage_families(seen: list[CameraStats]) -> Iterator[Metric]:
    cost = GaugeMetricFamily("sightline_stage_ms", "Cost of a stage per frame.", labels=["camera", "stage", "quantile"])
    drops = CounterMetricFamily("sightline_stage_drops", "Frames that a stage missed.", labels=["camera", "stage"])
    health = GaugeMetricFamily("sightline_stage_up", "1 while the stage works.", labels=["camera", "stage"])
    for stats in seen:
        for stage in stats.stages:
            cost.add_metric([stats.camera, stage.name, "0.5"], stage.p50_ms)
            cost.add_metric([stats.camera, stage.name, "0.95"], stage.p95_ms)
            drops.add_metric([stats.camera, stage.name], stage.drops)
            health.add_metric([stats.camera, stage.name], float(stage.state == "ok"))
    return iter((cost, drops, health))


def frame_age_s(camera: LiveCamera) -> float | None:
    """Seconds since the newest frame of this run was captured; None when there is none."""
    frame = camera.newest_frame
    return (time.monotonic_ns() - frame.captured_ns) / 1e9 if frame is not None else None


COUNTERS: dict[str, tuple[str, Measure]] = {
    "frames": ("Frames processed.", lambda camera, status, stats: stats.frames_processed),
    "frames_dropped": ("Frames that a stage was too slow for.", lambda camera, status, stats: stats.frames_dropped),
    "encodes": ("Pictures encoded.", lambda camera, status, stats: stats.encodes_total),
    "reconnects": ("Times the source was opened again.", lambda camera, status, stats: status.reconnects),
    "stalls": ("Times the camera fell silent.", lambda camera, status, stats: status.stalls),
    "motion_events": ("Motion episodes.", lambda camera, status, stats: stats.motion_events),
}
GAUGES: dict[str, tuple[str, Measure]] = {
    "up": ("1 while the camera is live.", lambda camera, status, stats: float(status.state == "live")),
    "fps": ("Measured frames per second.", lambda camera, status, stats: stats.fps),
    "viewers": ("People who watch.", lambda camera, status, stats: stats.viewers),
    "encoders": ("Renditions being encoded.", lambda camera, status, stats: stats.encoders),
    "newest_frame_age_seconds": ("Age of the newest frame.", lambda camera, status, stats: frame_age_s(camera)),
    "latency_p95_ms": ("Capture to encoded, 95th percentile.", lambda camera, status, stats: stats.latency_ms["p95"]),
}
