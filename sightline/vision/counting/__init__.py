"""Counting: who is in a zone and for how long, who crossed a line and which way. Arithmetic on tracked things."""

from sightline.vision.counting.continuity import Continuity, Thing
from sightline.vision.counting.line import Crossing, LineCounter
from sightline.vision.counting.zone import Visit, ZoneCounter, ZoneNews

__all__ = ["Continuity", "Crossing", "LineCounter", "Thing", "Visit", "ZoneCounter", "ZoneNews"]
