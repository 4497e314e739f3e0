"""The table of source kinds."""

import threading
from collections.abc import Callable

from sightline.live.sources.demo import open_demo
from sightline.live.sources.file import open_file
from sightline.live.sources.hls import open_hls
from sightline.live.sources.http import open_http
from sightline.live.sources.rtsp import open_rtmp, open_rtsp
from sightline.live.sources.source import Source
from sightline.live.sources.webcam import open_webcam
from sightline.media.address import CheckedAddress, SourceKind
from sightline.media.source_options import SourceOptions

Opener = Callable[[CheckedAddress, SourceOptions, threading.Event], Source]

OPENERS: dict[SourceKind, Opener] = {
    "webcam": open_webcam,
    "rtsp": open_rtsp,
    "rtmp": open_rtmp,
    "http": open_http,
    "hls": open_hls,
    "file": open_file,
    "demo": open_demo,
}


def open_source(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> Source:
    """Open a source; blocks until it answers or its time limit is over.

    Args:
        stop: iteration over the source ends soon after this is set.

    Raises:
        SourceError: with one of SOURCE_CODES.
    """
    return OPENERS[checked.address.kind](checked, options, stop)
