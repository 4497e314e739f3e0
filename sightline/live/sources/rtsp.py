"""RTSP and RTMP cameras."""

import socket
import threading
from typing import Any

from sightline.errors import SourceError
from sightline.live.sources.av_faults import refused, source_error
from sightline.live.sources.container import ContainerPlan, ContainerSource, open_container
from sightline.media.address import CheckedAddress
from sightline.media.source_options import SourceOptions

SOCKET_TIMEOUT_US = 5_000_000
# Seen: first picture after 0.1 s instead of 0.8 s. `fflags nobuffer` throws away the keyframe that was read while probing: with a
# keyframe every 8 s the first picture then takes 8 s, and the delay afterwards is the same.
QUICK_PROBE = {"fpsprobesize": "0", "analyzeduration": "2000000"}
REACH_TIMEOUT_S = 1.5
MAX_JITTER_US = 300_000
"""UDP: how long a missing packet is waited for."""
_NOT_A_CAMERA = "Something answers at this address, but not as a camera does. Check the port and the beginning of the address."


def open_rtsp(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> ContainerSource:
    """Open an RTSP stream; the player gets the checked IP address, never the name."""
    wanted = {
        "rtsp_transport": options.rtsp_transport, "timeout": str(SOCKET_TIMEOUT_US), "max_delay": str(MAX_JITTER_US),
        **QUICK_PROBE, "allowed_media_types": "video+audio",
        "protocol_whitelist": "rtsp,rtsps,tcp,udp,rtp,srtp,tls,crypto",
    }  # fmt: skip
    return _open(checked, ContainerPlan("rtsp", "rtsp", wanted), stop)


def open_rtmp(checked: CheckedAddress, _options: SourceOptions, stop: threading.Event) -> ContainerSource:
    """Open an RTMP stream."""
    tc_url = checked.address.url(with_credentials=False).rpartition("/")[0]
    wanted = {
        "rw_timeout": str(SOCKET_TIMEOUT_US), "rtmp_live": "live", "rtmp_tcurl": tc_url, **QUICK_PROBE,
        "protocol_whitelist": "rtmp,rtmps,tcp,tls,crypto",
    }  # fmt: skip
    return _open(checked, ContainerPlan("rtmp", None, wanted), stop)


def _open(checked: CheckedAddress, plan: ContainerPlan, stop: threading.Event) -> ContainerSource:
    try:
        return open_container(checked.player_url, plan, stop)
    except SourceError as err:
        # libav gives the same error whether nobody answered or somebody answered and then fell silent.
        if err.code == "timeout" and not answers(checked):
            raise source_error("unreachable") from err
        if err.code in ("corrupt", "ended"):
            # Nothing of a picture has been asked for yet: what answers there cannot hold the conversation.
            raise SourceError(_NOT_A_CAMERA, code="unreachable") from err
        if err.code == "auth_failed":
            raise refused(checked.address.has_credentials) from err
        raise


def answers(checked: CheckedAddress, timeout_s: float = REACH_TIMEOUT_S) -> bool:
    """Whether a TCP connection to the checked address can be made."""
    destination: Any = (checked.ips[0], checked.address.port)
    try:
        socket.create_connection(destination, timeout_s).close()
    except OSError:
        return False
    return True
