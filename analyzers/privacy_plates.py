"""Number plates for the privacy blur: sensitive, with settings of its own. Needs the weights of LPD-YuNet.

Runs for the privacy blur, it has no switch. One instance per camera, called by one thread.
"""

from collections.abc import Sequence

from sightline.media.findings import Findings
from sightline.media.frame import Frame
from sightline.media.stage import NoParams, Resources, register
from sightline.vision.plates import PLATE_FILE, PlateFinder
from sightline.vision.weights import missing_weights, weights

CONFIDENCE = 0.3


class PrivacyPlates:
    """Finds whatever may be a number plate in the pictures of one camera."""

    def __init__(self, finder: PlateFinder) -> None:
        self._finder = finder

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        plates = tuple(self._finder.find(frame.image, CONFIDENCE))
        return Findings.of("privacy_plates", frame, detections=plates, measures={"plates": len(plates)})


def _unavailable(resources: Resources) -> str | None:
    return missing_weights(resources.models, [PLATE_FILE])


def _make(_params: NoParams, resources: Resources) -> PrivacyPlates:
    return PrivacyPlates(PlateFinder(weights(resources.models, PLATE_FILE)))


register(
    "privacy_plates",
    _make,
    kind="analyzer",
    label="Number plates to hide",
    description="Finds whatever may be a number plate, for the privacy blur.",
    unavailable=_unavailable,
    group="Privacy",
    is_hidden=True,
    goes_first=True,
    rate_hz=8.0,
    licence="Apache-2.0",
    backend="LPD-YuNet through onnxruntime",
)
