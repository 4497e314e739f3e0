"""Where pictures come from: one file per family of sources, opened through one table.

A source is opened and read by one thread, the capture thread of its camera.
"""

from sightline.live.sources.opening import open_source
from sightline.live.sources.source import Captured, Source, SourceInfo

__all__ = ["Captured", "Source", "SourceInfo", "open_source"]
