"""Two thresholds instead of one: what was certain a moment ago may be a little less certain now.

A detector's score of one and the same person goes up and down from look to look. With one threshold the box comes and goes; with
hysteresis a thing appears at the threshold and stays until it falls below a lower one.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from sightline.media.findings import Detection, iou
from sightline.media.frame import Frame

KEPT_SHARE = 0.75
"""What keeps a thing that is already there, as a share of the threshold at which it appears."""
SAME_IOU = 0.5
MEMORY_NS = 1_000_000_000
"""After a longer gap between two looks nothing is taken for the same."""
MOST_CAMERAS = 256


class Steady:
    """What was there at the last look, for each camera. Called by one thread at a time."""

    def __init__(self, threshold_of: Callable[[str], float]) -> None:
        """
        Args:
            threshold_of: the score at which a thing of that label appears.
        """
        self._threshold_of = threshold_of
        self._last: OrderedDict[str, tuple[int, tuple[Detection, ...]]] = OrderedDict()

    def choose(self, frame: Frame, found: Sequence[Detection]) -> tuple[Detection, ...]:
        """Those of `found` that are certain enough, or still there."""
        before_ns, before = self._last.pop(frame.camera_id, (0, ()))
        if not 0 < frame.pts_ns - before_ns <= MEMORY_NS:
            before = ()
        chosen = tuple(d for d in found if self._is_certain(d) or self._is_still_there(d, before))
        self._last[frame.camera_id] = (frame.pts_ns, chosen)
        while len(self._last) > MOST_CAMERAS:
            self._last.popitem(last=False)
        return chosen

    def _is_certain(self, detection: Detection) -> bool:
        return detection.score >= self._threshold_of(detection.label)

    def _is_still_there(self, detection: Detection, before: Sequence[Detection]) -> bool:
        if detection.score < KEPT_SHARE * self._threshold_of(detection.label):
            return False
        return any(b.label == detection.label and iou(b.box, detection.box) >= SAME_IOU for b in before)
