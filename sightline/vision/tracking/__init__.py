"""Tracking: which box of this look is which thing of the looks before. Arithmetic on boxes and times; no pixels, no threads."""

from sightline.vision.tracking.appearance import Look, Vectors
from sightline.vision.tracking.tracker import Tracker, TrackingRules, TrackView

__all__ = ["Look", "TrackView", "Tracker", "TrackingRules", "Vectors"]
