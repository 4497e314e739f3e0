"""Makes the status of a camera from what its capture, its hub and its operator say."""

import time

from sightline.live.capture import CaptureState
from sightline.live.context import CameraConfig
from sightline.live.hub import Hub
from sightline.live.status import CameraStatus


def camera_status(config: CameraConfig, seen: CaptureState, fps: float, hub: Hub) -> CameraStatus:
    """The status of this moment.

    Args:
        fps: measured.
    """
    return CameraStatus(
        id=config.id,
        name=config.name,
        kind=seen.kind or "",
        is_running=config.is_running,
        state=seen.state,
        reason=seen.reason,
        message=seen.message,
        since=seen.since_s,
        retry_in_s=_retry_in_s(seen),
        width=seen.width or 0,
        height=seen.height or 0,
        fps=round(fps, 2),
        source_fps=seen.source_fps,
        codec=seen.codec,
        reconnects=seen.reconnects,
        stalls=seen.stalls,
        processing=config.chain.processing,
        chain_version=config.chain.version,
        viewers=hub.viewers,
        encoders=hub.encoders,
    )


def _retry_in_s(seen: CaptureState) -> float | None:
    """Seconds until the next try, from now on."""
    if seen.retry_in_s is None:
        return None
    return round(max(0.0, seen.since_s + seen.retry_in_s - time.time()), 1)
