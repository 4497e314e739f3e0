"""Runs the filters of one camera's chain over its frames.

Belongs to the camera's chain thread; only `swap` may come from any thread. A filter that fails is passed over and tried again
later: it never stops the picture. Filters that hide something are the exception: while one fails, the whole picture is made
unreadable.

Filters that move pixels (stabilise, upscale) tell where to; their transforms are composed, so that a later filter gets findings
as of the picture it sees, and paint puts boxes where things went. When the filters need nearly all the time between two frames,
they are asked to save (`Moment.is_hurried`) before the frame rate falls.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.live.pace import Pace
from sightline.media.chain import ChainSpec, StageChoice
from sightline.media.findings import Box, Findings
from sightline.media.frame import Frame, Image
from sightline.media.stage import Filter, Moment, Resources
from sightline.media.transform import IDENTITY, Transform, moved
from sightline.media.wanted import PRIVACY_STAGE, active_stages
from sightline.media.window import Window

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
UNREADABLE_WIDTH_PX = 12
"""Width to which a picture is shrunk when the privacy filter cannot do its work: no face survives that."""
LARGEST_PX = 3840 * 2160
"""Pixels of the largest picture that a moving filter may give back."""

StageReport = Callable[[str, str, str], None]
"""`report(kind, stage name, message)`: kind is `analysis.failed`, `analysis.slowed` or `analysis.recovered`."""


@dataclass(slots=True)
class RunningFilter:
    """One filter of the chain with its state and cost."""

    choice: StageChoice
    instance: Filter | None = None
    state: str = "ok"
    """ok | failing | unavailable"""
    error: str = ""
    notice: str = ""
    """What it does less well than asked, in its own words."""
    is_outdated: bool = False
    """It is to be made anew before the next frame."""
    retry_at_s: float = 0.0
    retry_s: float = FIRST_RETRY_S
    passed_over: int = 0
    """Frames that went by without this filter."""
    cost_ms: Window = field(default_factory=Window)


class ChainRunner:
    """The filters of one chain spec, built once per changed parameters."""

    def __init__(self, camera_id: str, resources: Resources, report: StageReport) -> None:
        self._camera_id = camera_id
        self._resources = resources
        self._report = report
        self._spec: ChainSpec | None = None
        self._built_for: ChainSpec | None = None
        self._filters: tuple[RunningFilter, ...] = ()
        self._costs: dict[str, Window] = {}
        self._pace = Pace()
        self._moved: tuple[Transform, tuple[int, int], tuple[int, int]] = (IDENTITY, (0, 0), (0, 0))
        """Of the last picture, swapped as one value: how it was moved, its size before and after."""

    def reload(self, names: Collection[str]) -> None:
        """Make these filters anew before the next frame: a weight file that they can use has come or gone. From any thread."""
        for stage in self._filters:
            if stage.choice.name in names:
                stage.is_outdated, stage.retry_at_s = True, 0.0

    @property
    def filters(self) -> tuple[RunningFilter, ...]:
        """Filters of the chain in order, for the statistics."""
        return self._filters

    @property
    def transform(self) -> Transform:
        """From pixels of the source picture to pixels of the picture that `run` gave back last."""
        return self._moved[0]

    def to_source(self, box: Box) -> Box:
        """A box drawn onto the processed picture, as a box on the source picture. From any thread.

        Args:
            box: in pixels of the processed picture scaled to the size of the source picture, as viewers see it.
        """
        transform, (width, height), (new_width, new_height) = self._moved
        if transform.is_identity:
            return box
        return Transform.scale(new_width / width, new_height / height).then(transform.inverse()).box(box)

    def swap(self, spec: ChainSpec) -> None:
        """Use `spec` from the next frame on."""
        self._spec = spec

    def run(self, frame: Frame, camera_name: str, findings: Mapping[str, Findings], *, is_drawn_on: bool = False) -> Image:
        """Return the processed picture `(H, W, 3) uint8 BGR`; findings are not painted yet.

        It may be written to exactly when it is not the frame's own picture.

        Args:
            is_drawn_on: the caller will draw onto the picture and wants one that it may write to.
        """
        spec = self._spec
        if spec is not None and spec is not self._built_for:
            self._rebuild(spec)
        started_ns = time.monotonic_ns()
        moment = Moment(self._camera_id, camera_name, frame.seq, frame.pts_ns, frame.wall_time_s, findings, self._pace.is_hurried)
        image = frame.picture.canvas() if is_drawn_on and not self._filters else frame.image
        way = _Way(image, moment, frame.size_px)
        for stage in self._filters:
            self._apply(stage, way)
        self._moved = (way.transform, frame.size_px, way.size_px)
        self._pace.add(frame.pts_ns, time.monotonic_ns() - started_ns)
        return way.image

    def _rebuild(self, spec: ChainSpec) -> None:
        running = {stage.choice: stage for stage in self._filters}
        chosen = [choice for choice in active_stages(spec) if choice.info.kind == "filter"]
        # One that remembers pictures in which less was hidden would let them shine through what is hidden now.
        hidden_before, hidden_now = _behind_privacy([stage.choice for stage in self._filters]), _behind_privacy(chosen)
        for choice, privacy in hidden_now.items():
            if hidden_before.get(choice) != privacy:
                running.pop(choice, None)
        self._filters = tuple(running.get(choice) or self._new(choice) for choice in chosen)
        self._built_for = spec

    def _new(self, choice: StageChoice) -> RunningFilter:
        # A filter keeps its cost window over parameter changes, so that dragging a slider does not blank the display.
        return RunningFilter(choice, cost_ms=self._costs.setdefault(choice.name, Window()))

    def _apply(self, stage: RunningFilter, way: "_Way") -> None:
        if stage.state != "ok" and time.monotonic() < stage.retry_at_s:
            self._pass_over(stage, way)
            return
        started_ns = time.monotonic_ns()
        try:
            instance = self._instance(stage)
            seen = way.seen()
            changed = _checked(instance.apply(seen, way.moment_for(stage.choice)), seen, stage.choice.info.moves)
            transform = instance.transform if stage.choice.info.moves else IDENTITY  # type: ignore[attr-defined]
        except Exception as err:  # noqa: BLE001 - a filter is foreign code at the top of its call
            self._fail(stage, err)
            self._pass_over(stage, way)
            return
        way.go_on(changed, transform)
        stage.cost_ms.add((time.monotonic_ns() - started_ns) / 1e6)
        if stage.state != "ok":
            self._recover(stage)
        self._take_notice(stage)

    def _instance(self, stage: RunningFilter) -> Filter:
        if stage.is_outdated:
            stage.is_outdated, stage.instance = False, None
        if stage.instance is None:
            info = stage.choice.info
            reason = info.unavailable(self._resources)
            if reason is not None:
                raise AnalyzerError(reason, code="unavailable")
            stage.instance = info.factory(stage.choice.params, self._resources)
        assert stage.instance is not None
        return stage.instance

    def _pass_over(self, stage: RunningFilter, way: "_Way") -> None:
        stage.passed_over += 1
        if stage.choice.info.hides:
            way.go_on(unreadable(way.image), IDENTITY)

    def _fail(self, stage: RunningFilter, err: Exception) -> None:
        is_news = stage.state == "ok"
        stage.instance, stage.notice = None, ""
        stage.state = "unavailable" if isinstance(err, AnalyzerError) and err.code == "unavailable" else "failing"
        stage.error = err.message if isinstance(err, AnalyzerError) else f"{type(err).__name__}: {err}"
        stage.retry_at_s = time.monotonic() + stage.retry_s
        stage.retry_s = min(stage.retry_s * 2, LAST_RETRY_S)
        if is_news:
            log.warning("Camera %s: filter %s fails", self._camera_id, stage.choice.name, exc_info=err)
            self._report("analysis.failed", stage.choice.name, stage.error)

    def _recover(self, stage: RunningFilter) -> None:
        stage.state, stage.error, stage.retry_s = "ok", "", FIRST_RETRY_S
        self._report("analysis.recovered", stage.choice.name, "")

    def _take_notice(self, stage: RunningFilter) -> None:
        notice = getattr(stage.instance, "notice", "")
        if notice == stage.notice:
            return
        stage.notice = notice
        self._report("analysis.slowed" if notice else "analysis.recovered", stage.choice.name, notice)


class _Way:
    """One picture on its way through the filters."""

    def __init__(self, image: Image, moment: Moment, size_px: tuple[int, int]) -> None:
        self.image = image
        self.transform = IDENTITY
        self._moment = moment
        self._source_size_px = size_px

    @property
    def size_px(self) -> tuple[int, int]:
        return self.image.shape[1], self.image.shape[0]

    def seen(self) -> Image:
        """The picture as the next filter may have it: read-only."""
        view = self.image.view()
        view.flags.writeable = False
        return view

    def go_on(self, image: Image, transform: Transform) -> None:
        self.image = image
        self.transform = self.transform.then(transform)

    def moment_for(self, choice: StageChoice) -> Moment:
        """What that filter may know, with findings as of the picture it gets."""
        if self.transform.is_identity:
            return self._moment
        # Findings about a picture of another size than this frame's cannot be moved along: they are gone.
        known = ((name, self._moment.findings.get(name)) for name in choice.info.needs(choice.params))
        current = {name: found for name, found in known if found is not None and found.size_px == self._source_size_px}
        return replace(self._moment, findings={name: moved(found, self.transform, self.size_px) for name, found in current.items()})


def _behind_privacy(choices: Sequence[StageChoice]) -> dict[StageChoice, StageChoice]:
    """The filters behind the privacy one, each with the privacy filter that it stands behind."""
    place = next((i for i, choice in enumerate(choices) if choice.name == PRIVACY_STAGE), len(choices))
    return dict.fromkeys(choices[place + 1 :], choices[place]) if place < len(choices) else {}


def unreadable(image: Image) -> Image:
    """Return `image` blurred so strongly that nobody can be recognised."""
    height, width = image.shape[:2]
    small = cv2.resize(
        image,
        (min(width, UNREADABLE_WIDTH_PX), max(1, min(height, UNREADABLE_WIDTH_PX * height // width))),
        interpolation=cv2.INTER_AREA,
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _checked(changed: object, image: Image, moves: bool) -> Image:
    """The picture a filter gave back.

    Raises:
        AnalyzerError: it is no colour picture, or not of the size of `image` although the filter does not move pixels.
    """
    if not isinstance(changed, np.ndarray) or changed.dtype != np.uint8 or changed.ndim != 3:
        got = f"{changed.shape} {changed.dtype}" if isinstance(changed, np.ndarray) else type(changed).__name__
        raise AnalyzerError(f"The filter gave back {got} instead of a picture {image.shape} uint8.", code="bad_picture")
    most = max(3 * LARGEST_PX, image.size)
    is_fit = changed.shape[2] == 3 and 0 < changed.size <= most if moves else changed.shape == image.shape
    if not is_fit:
        raise AnalyzerError(f"The filter gave back a picture {changed.shape} for one of {image.shape}.", code="bad_picture")
    return changed
