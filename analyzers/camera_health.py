"""Camera health: black, covered, too bright, too dark, out of focus, moved, frozen. 5 ms per look, twice a second.

During its first seconds it learns what the camera usually shows; slow changes (daylight, a parked car) become part of that. A fault
counts when it has lasted, and is over when all has been well for as long, both measured on the camera's clock. Each begin
and each end is told once: `camera.moved`, …, `camera.healthy`. A camera that moves by itself (hand-held, turning) gets no learned
view: it is never said to be moved or out of focus. Switching off and on again makes it learn anew. One instance per camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from sightline.media.findings import Findings, Happening
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register
from sightline.vision.view import FINE_WIDTH_PX, LEAST_TILES, LearnedView, Likeness, Look

RATE_HZ = 2.0
LEARN_LOOKS = 8
LEARN_S = 3.0
FOLLOW_S = 240.0
"""Time in which the learned view goes two thirds of the way to what is shown."""
GAP_S = 10.0
"""After a gap this long, what was pending is forgotten."""

BLACK_SHARE = 0.97
DARK_BRIGHTNESS, DARK_CONTRAST = 40.0, 14.0
CLIPPED_SHARE = 0.6
INFRARED_SHARE = 0.35
"""A grey picture with so much white is washed out by infrared light thrown back by something near."""
GREY_SATURATION = 8.0
FLAT_CONTRAST = 9.0
LOST_DETAIL = 0.2
MOVED_BELOW = 0.2
"""Share of the textured tiles that still show what they did."""
DOUBTFUL_BELOW = 0.5
"""Below this share the picture's features are asked whether the scene has shifted."""
STEADY_ABOVE = 0.3
"""The same from look to look, above which a camera stands still."""
BLURRED_ABOVE, FOCUS_SAME = 0.7, 0.4
FROZEN_S = 10.0

Fault = Literal["black", "covered", "overexposed", "dark", "defocused", "moved", "frozen"]
State = Literal["learning", "healthy"] | Fault

MESSAGES: dict[str, str] = {
    "black": "The picture is black: no light, a closed lens cap, or a broken camera",
    "covered": "The picture shows nothing: something covers the lens",
    "overexposed": "The picture is mostly white: too much light",
    "infrared": "The picture is washed out by infrared light thrown back by something near the lens",
    "dark": "The picture is too dark to see anything",
    "defocused": "The picture is out of focus",
    "moved": "The camera was moved, or something stands right before it",
    "frozen": "The picture stands still to the last pixel",
    "healthy": "The picture is as it should be again",
    "learned": "The camera shows a new view and has got used to it",
}


@dataclass(frozen=True)
class HealthParams:
    hold_s: float = param(5.0, "Tell after", minimum=1.0, maximum=120.0, step=1.0, unit="s", help="A fault must last so long.")
    relearn_min: float = param(
        10.0, "New view after", minimum=1.0, maximum=1440.0, step=1.0, unit="min",
        help="A camera that was moved gets used to its new view after so long.",
    )  # fmt: skip
    exposure: bool = param(True, "Light", help="Also tell when the picture is too bright or too dark.")


class Persistence:
    """A state that changes only when another one has lasted. On the camera's clock."""

    def __init__(self, hold_s: float, first: State) -> None:
        self._hold_ns = round(hold_s * 1e9)
        self.state: State = first
        self._candidate: State = first
        self._since_ns = 0

    def see(self, seen: State, pts_ns: int) -> bool:
        """Take one observation; True when the state has just changed to it."""
        if seen != self._candidate or pts_ns < self._since_ns:
            self._candidate, self._since_ns = seen, pts_ns
        if seen == self.state or pts_ns - self._since_ns < self._hold_ns:
            return False
        self.state = seen
        return True

    def set(self, state: State, pts_ns: int) -> None:
        """Change at once."""
        self.state, self._candidate, self._since_ns = state, state, pts_ns


class CameraHealth:
    """Watches over the picture of one camera."""

    def __init__(self, params: HealthParams) -> None:
        self._params = params
        self._persistence = Persistence(params.hold_s, "learning")
        self._view: LearnedView | None = None
        self._learning: list[tuple[int, Look]] = []
        self._new_view: list[tuple[int, Look]] = []
        self._pts_ns: int | None = None
        self._faulty_since_ns = 0
        self._last_luma: Image | None = None
        self._changed_ns = 0
        self._is_infrared = False

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def adopt(self, previous: "CameraHealth") -> None:
        """Go on with the view and the state of an instance with other parameters."""
        self._view, self._learning, self._new_view = previous._view, previous._learning, previous._new_view
        self._pts_ns, self._faulty_since_ns = previous._pts_ns, previous._faulty_since_ns
        self._persistence.set(previous._persistence.state, previous._pts_ns or 0)

    def _look(self, frame: Frame) -> Findings:
        look = Look.at(frame.picture.luma(FINE_WIDTH_PX))
        elapsed_s = self._elapsed_s(frame.pts_ns)
        if self._view is not None and self._view.shape != look.luma.shape:
            self._forget()
        view = self._view
        likeness = view.compare(look) if view is not None and view.is_comparable else None
        seen = self._judge(frame, look, likeness)
        happenings = self._live_on(seen, frame.pts_ns, look, elapsed_s)
        return Findings.of("camera_health", frame, measures=self._measures(look, likeness, frame.pts_ns), happenings=happenings)

    def _elapsed_s(self, pts_ns: int) -> float:
        elapsed_s = 0.0 if self._pts_ns is None else (pts_ns - self._pts_ns) / 1e9
        if not 0 <= elapsed_s < GAP_S:
            # After a gap, or on another clock, nothing of what was pending has lasted.
            self._learning, self._new_view, self._last_luma = [], [], None
            self._persistence.set(self._persistence.state, pts_ns)
            elapsed_s = 0.0
        self._pts_ns = pts_ns
        return elapsed_s

    def _forget(self) -> None:
        self._view, self._learning, self._new_view = None, [], []

    # --- what this one picture looks like

    def _judge(self, frame: Frame, look: Look, likeness: Likeness | None) -> State:
        fault = self._fault_of_light(frame, look) or self._fault_of_view(look, likeness)
        if fault is None and self._is_frozen(look.luma, frame.pts_ns):
            fault = "frozen"
        return fault or ("learning" if self._view is None else "healthy")

    def _fault_of_light(self, frame: Frame, look: Look) -> Fault | None:
        if look.dark_share >= BLACK_SHARE:
            return "black"
        is_clipped = look.clipped_share >= CLIPPED_SHARE
        if self._params.exposure and (is_clipped or look.clipped_share >= INFRARED_SHARE):
            self._is_infrared = _saturation(frame) < GREY_SATURATION and look.contrast >= FLAT_CONTRAST
            if is_clipped or (self._is_infrared and self._view is not None and look.brightness >= 128):
                return "overexposed"
        if self._params.exposure and look.brightness < DARK_BRIGHTNESS and look.contrast < DARK_CONTRAST:
            return "dark"
        return None

    def _fault_of_view(self, look: Look, likeness: Likeness | None) -> Fault | None:
        if likeness is None:
            # Nothing is learned, or there was nothing to learn: only a picture without anything in it is certain.
            return "covered" if look.contrast < FLAT_CONTRAST and look.textured == 0 and look.luma.size > 1 else None
        if likeness.detail < LOST_DETAIL and likeness.same_coarse < FOCUS_SAME:
            return "covered"
        if likeness.blurred >= BLURRED_ABOVE and likeness.same_coarse >= FOCUS_SAME:
            return "defocused"
        return "moved" if likeness.same < MOVED_BELOW or self._is_shifted(look, likeness) else None

    def _is_shifted(self, look: Look, likeness: Likeness) -> bool:
        """A small shift along long edges leaves many tiles as they were: then the features decide."""
        if self._view is None or likeness.same >= DOUBTFUL_BELOW:
            return False
        shift = self._view.shift_of(look)
        return shift is not None and shift.is_noticeable

    def _is_frozen(self, luma: Image, pts_ns: int) -> bool:
        """Whether nothing has changed in a single point for long: a real camera always has some noise."""
        last, self._last_luma = self._last_luma, luma
        if last is None or last.shape != luma.shape or not np.array_equal(last, luma):
            self._changed_ns = pts_ns
        return pts_ns - self._changed_ns >= FROZEN_S * 1e9

    # --- what that means over time

    def _live_on(self, seen: State, pts_ns: int, look: Look, elapsed_s: float) -> tuple[Happening, ...]:
        before = self._persistence.state
        self._learn(seen, pts_ns, look, elapsed_s)
        if self._view is not None and before == "learning":
            self._persistence.set("healthy", pts_ns)
            return ()
        if self._has_settled(pts_ns, look):
            self._persistence.set("healthy", pts_ns)
            return (Happening("camera.healthy", MESSAGES["learned"], {"was": before}),)
        if not self._persistence.see(seen, pts_ns):
            return ()
        state = self._persistence.state
        if state in ("healthy", "learning"):
            return (
                (Happening("camera.healthy", MESSAGES["healthy"], {"was": before}),)
                if before not in ("healthy", "learning")
                else ()
            )
        if before in ("healthy", "learning"):
            self._faulty_since_ns = pts_ns
        self._new_view = []
        return (self._told(state, look),)

    def _told(self, fault: State, look: Look) -> Happening:
        if fault == "moved" and self._view is not None:
            shift = self._view.shift_of(look)
            if shift is not None:
                facts = {"right": round(shift.x_share, 3), "down": round(shift.y_share, 3),
                         "degrees": round(shift.rotation_degrees, 1), "zoom": round(shift.zoom, 3)}  # fmt: skip
                return Happening("camera.moved", f"The camera was moved: the scene went {shift}", facts)
        words = MESSAGES["infrared" if fault == "overexposed" and self._is_infrared else fault]
        return Happening(f"camera.{fault}", words)

    def _learn(self, seen: State, pts_ns: int, look: Look, elapsed_s: float) -> None:
        """Learn the view while there is none, follow it while all is well, and a new one while the camera is moved."""
        if self._view is None:
            if seen == "learning":
                self._learning = _steady([*self._learning, (pts_ns, look)])
                self._view = _learned(self._learning, LEARN_S)
                self._learning = [] if self._view is not None else self._learning
        elif seen == "healthy" and self._persistence.state == "healthy":
            self._view.follow(look, 1 - float(np.exp(-elapsed_s / FOLLOW_S)))
        elif seen == "moved" and self._persistence.state == "moved":
            self._new_view = _steady([*self._new_view, (pts_ns, look)])[-LEARN_LOOKS:]

    def _has_settled(self, pts_ns: int, look: Look) -> bool:
        """Whether a moved camera has shown its new view for long enough; that is then the learned one."""
        if self._persistence.state != "moved" or pts_ns - self._faulty_since_ns < self._params.relearn_min * 60e9:
            return False
        view = _learned(self._new_view, LEARN_S)
        if view is None:
            return False
        self._view, self._new_view = view, []
        return True

    def _measures(self, look: Look, likeness: Likeness | None, pts_ns: int) -> dict[str, object]:
        measures: dict[str, object] = {
            "state": self._persistence.state,
            "brightness_share": round(look.brightness / 255, 3),
            "contrast": round(look.contrast, 1),
            "white_share": round(look.clipped_share, 3),
            "black_share": round(look.dark_share, 3),
        }
        if likeness is not None:
            measures |= {"same_view_share": round(likeness.same, 3), "sharpness_share": round(likeness.sharpness, 3)}
        elif self._view is not None:
            measures["note"] = f"Fewer than {LEAST_TILES} parts of the view have edges: movement and focus cannot be judged"
        return measures


def _steady(looks: list[tuple[int, Look]]) -> list[tuple[int, Look]]:
    """The looks, or only the newest when the camera has moved since the one before, or the picture has another size."""
    if len(looks) < 2:
        return looks
    (_, before), (_, now) = looks[-2:]
    if before.luma.shape != now.luma.shape:
        return looks[-1:]
    view = LearnedView([before])
    return looks if not view.is_comparable or view.compare(now).same >= STEADY_ABOVE else looks[-1:]


def _learned(looks: list[tuple[int, Look]], least_s: float) -> LearnedView | None:
    if len(looks) < LEARN_LOOKS or looks[-1][0] - looks[0][0] < least_s * 1e9:
        return None
    return LearnedView([look for _, look in looks[-LEARN_LOOKS:]])


def _saturation(frame: Frame) -> float:
    """Mean saturation, 0..255, of every eighth pixel."""
    few = np.ascontiguousarray(frame.image[::8, ::8])
    return float(cv2.cvtColor(few, cv2.COLOR_BGR2HSV)[:, :, 1].mean())


def _make(params: HealthParams, _resources: Resources) -> CameraHealth:
    return CameraHealth(params)


register(
    "camera_health",
    _make,
    kind="analyzer",
    label="Camera health",
    description="Notices a camera that is covered, moved, out of focus, frozen, black, too dark or too bright.",
    params=HealthParams,
    group="Motion and camera",
    rate_hz=RATE_HZ,
    backend="OpenCV",
)
