"""QR codes and bar codes: where they are and what they say. About 40 ms per look at 720p.

Each code is told once per visit: `code.read` comes again when it was out of view for a while. What a code says comes from whoever
printed it: it is shown as text and never opened.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from sightline.media.findings import Detection, Findings, Happening, clamp_box
from sightline.media.frame import Frame, shrink_to_width
from sightline.media.stage import Resources, param, register
from sightline.vision.codes import Code, CodeReader
from sightline.vision.sightings import Sightings

MOST_WIDTH_PX = 1920
MESSAGE_LETTERS = 80
LISTED = 5


@dataclass(frozen=True)
class CodesParams:
    qr: bool = param(True, "QR codes")
    bars: bool = param(True, "Bar codes", help="EAN-13, EAN-8 and UPC-A.")
    gone_s: float = param(10.0, "New visit after", minimum=1.0, maximum=600.0, step=1.0, unit="s", help="Then it is told again.")


class Codes:
    """Reads codes in the pictures of one camera."""

    def __init__(self, params: CodesParams) -> None:
        self._reader = CodeReader(has_qr=params.qr, has_bars=params.bars)
        self._visits = Sightings(params.gone_s)

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        small = shrink_to_width(frame.image, MOST_WIDTH_PX)
        scale = frame.size_px[0] / small.shape[1]
        codes = self._reader.read(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]
        read = [code for code in codes if code.text]
        seen = (_detection(code, scale, frame.size_px) for code in read)
        fresh = [code for code in read if self._visits.see(f"{code.kind} {code.text}", frame.pts_ns)]
        kinds = Counter(code.kind for code in read)
        measures = {
            "codes": len(read), "unread": len(codes) - len(read), "texts": [code.text[:MESSAGE_LETTERS] for code in read[:LISTED]],
            "kinds": sorted(kinds),
        }  # fmt: skip
        return Findings.of(
            "codes", frame, detections=tuple(d for d in seen if d is not None), measures=measures,
            happenings=tuple(_told(code) for code in fresh),
        )  # fmt: skip


def _detection(code: Code, scale: float, size_px: tuple[int, int]) -> Detection | None:
    corners = [(x * scale, y * scale) for x, y in code.corners]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    box = clamp_box((min(xs), min(ys), max(xs), max(ys)), size_px)
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    points = tuple((min(max(x, 0.0), size_px[0]), min(max(y, 0.0), size_px[1]), 1.0) for x, y in corners)
    label = "QR code" if code.kind == "QR" else "bar code"
    outline = tuple((i, (i + 1) % len(points)) for i in range(len(points)))
    return Detection(label, 1.0, box, keypoints=points, attributes={"text": code.text, "type": code.kind}, bones=outline)


def _told(code: Code) -> Happening:
    shown = code.text if len(code.text) <= MESSAGE_LETTERS else code.text[: MESSAGE_LETTERS - 1] + "…"
    name = "QR code" if code.kind == "QR" else f"Bar code ({code.kind})"
    return Happening("code.read", f"{name} read: {shown}", {"text": code.text, "type": code.kind})


def _make(params: CodesParams, _resources: Resources) -> Codes:
    return Codes(params)


register(
    "codes",
    _make,
    kind="analyzer",
    label="QR and bar codes",
    description="Reads QR codes and bar codes, and tells each once per visit.",
    params=CodesParams,
    group="Scene and text",
    rate_hz=4.0,
    licence="Apache-2.0",
    backend="OpenCV, WeChat QR",
)
