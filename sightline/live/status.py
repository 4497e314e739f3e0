"""What a camera tells about itself, as values. Made by `LiveCamera` in the caller's thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.media.findings import Findings


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """State of one camera. Holds no credentials."""

    id: str
    name: str
    kind: str
    """rtsp | http | hls | file | webcam | demo | rtmp"""
    is_running: bool
    """What the operator wants."""
    state: str
    """idle | connecting | live | stalled | backoff | ended | stopped"""
    reason: str
    message: str
    since: float
    """Epoch seconds of the last change of state."""
    retry_in_s: float | None
    width: int
    height: int
    fps: float
    """Measured."""
    source_fps: float | None
    """As the source announces it."""
    codec: str | None
    reconnects: int
    stalls: int
    processing: bool
    chain_version: int
    viewers: int
    encoders: int


@dataclass(frozen=True, slots=True)
class StageStats:
    """Cost of one stage that is on, or of one step of the pipeline."""

    name: str
    kind: str
    """filter | analyzer | pipeline"""
    p50_ms: float
    p95_ms: float
    frames: int
    drops: int
    rate_hz: float
    state: str = "ok"
    """ok | loading | failing | unavailable"""
    error: str = ""
    backend: str = ""
    """Analyzers: what its model runs on."""


@dataclass(frozen=True, slots=True)
class CameraStats:
    """Counters of one camera since its start or the last reset."""

    camera: str
    frames_processed: int
    faces_detected: int
    motion_events: int
    objects_detected: int
    runtime_seconds: float
    fps: float
    source_fps: float | None
    avg_processing_time_ms: float
    processing_enabled: bool
    latency_ms: Mapping[str, float]
    """p50 and p95, capture to encoded."""
    frames_dropped: int
    viewers: int
    encoders: int
    encodes_total: int
    stages: tuple[StageStats, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    """By label, what is in the picture now."""
    measures: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By analyzer, what it measures now (picture quality stands in `quality`)."""
    quality: Mapping[str, object] | None = None
    state: str = "idle"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture, encoded, with what was known about it."""

    jpeg: bytes
    view: str
    seq: int
    pts_ns: int
    captured_at: float
    """Epoch seconds."""
    width: int
    height: int
    findings: tuple[Findings, ...]
