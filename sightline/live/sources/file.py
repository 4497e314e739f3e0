"""Local video files, played at their recorded rate, once or again and again."""

import threading

from sightline.live.sources.av_faults import source_error
from sightline.live.sources.container import ContainerPlan, ContainerSource, open_container
from sightline.media.address import CheckedAddress
from sightline.media.source_options import SourceOptions

FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,mjpeg,gif,ivf,obu,m4v,mxf,dv,"
    "nut,wtv,yuv4mpegpipe"
)
"""Formats that hold pictures themselves. Playlists (HLS, concat, DASH, SDP, image sequences) would make libav open other files."""


def open_file(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> ContainerSource:
    """Open a file that the policy let through."""
    if checked.file is None:
        raise source_error("not_found")
    plan = ContainerPlan(
        "file", options={"protocol_whitelist": "file", "format_whitelist": FILE_FORMATS}, is_live=False, loop=options.loop
    )
    return open_container(f"file:{checked.file}", plan, stop)
