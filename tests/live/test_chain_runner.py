from dataclasses import replace

import cv2
import numpy as np
import pytest

from sightline.live import chain_runner
from sightline.live.chain_runner import ChainRunner, unreadable
from sightline.media.chain import ChainSpec
from sightline.media.stage import put_first, register
from sightline.media.transform import Transform
from sightline.media.wanted import shown_analyzers, wanted_analyzers
from tests.live_fakes import found, frame
from tests.live_stages import resources, stages  # noqa: F401 - fixtures


def spy(instance, look):
    """Have `look(image, moment)` called before each `apply`."""
    apply = instance.apply

    def both(image, moment):
        look(image, moment)
        return apply(image, moment)

    instance.apply = both


class Bench:
    def __init__(self, resources):  # noqa: F811
        self.told = []
        self.runner = ChainRunner("cam", resources, lambda *what: self.told.append(what[:2]))
        self.seq = 0

    def use(self, **options):
        self.runner.swap(ChainSpec.default().with_options(options))

    def run(self):
        self.seq += 1
        return int(self.runner.run(frame(self.seq), "Camera", {})[0, 0, 0])

    def state(self, name):
        return next(f for f in self.runner.filters if f.choice.name == name)


@pytest.fixture
def bench(stages, resources):  # noqa: F811
    stages.add("plus")
    stages.add("more")
    return Bench(resources)


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr(chain_runner, "FIRST_RETRY_S", 0.0)
    monkeypatch.setattr(chain_runner.RunningFilter, "__init__", _without_waiting(chain_runner.RunningFilter.__init__))


def _without_waiting(init):
    def build(self, *args, **named):
        init(self, *args, **named)
        self.retry_s = 0.0

    return build


def test_without_a_chain_the_source_picture_goes_through(bench):
    assert bench.run() == 0


def test_a_swap_takes_effect_with_the_very_next_frame(bench):
    bench.use(plus=True)
    assert bench.run() == 1
    bench.use(plus=True, more=True, more_amount=10)
    assert bench.run() == 11
    bench.use()
    assert bench.run() == 0


def test_filters_are_built_once_per_parameters(bench, stages):  # noqa: F811
    bench.use(plus=True)
    bench.run()
    bench.use(plus=True, more=True)
    bench.run()
    assert len(stages.built["plus"]) == 1
    bench.use(plus=True, plus_amount=5)
    assert bench.run() == 5
    assert len(stages.built["plus"]) == 2


def test_a_failing_filter_is_passed_over_told_once_and_recovers(bench, stages, no_wait):  # noqa: F811
    bench.use(plus=True, more=True)
    bench.run()
    stages.newest("plus").error = RuntimeError("broken")
    stages.refuse["plus"] = RuntimeError("still broken")
    assert [bench.run() for _ in range(3)] == [1, 1, 1]
    assert bench.state("plus").state == "failing"
    assert "still broken" in bench.state("plus").error
    assert bench.state("plus").passed_over == 3
    del stages.refuse["plus"]
    assert bench.run() == 2
    assert bench.told == [("analysis.failed", "plus"), ("analysis.recovered", "plus")]


def test_a_failing_filter_is_not_tried_with_every_frame(bench, stages):  # noqa: F811
    bench.use(plus=True)
    bench.run()
    stages.newest("plus").error = RuntimeError("broken")
    for _ in range(10):
        bench.run()
    assert len(stages.built["plus"]) == 1
    assert bench.state("plus").passed_over == 10


@pytest.mark.parametrize(
    "answer",
    [np.zeros((48, 64), np.uint8), np.zeros((48, 64, 4), np.uint8), np.zeros((10, 10, 3), np.uint8), np.zeros((48, 64, 3)), "text"],
    ids=["gray", "four channels", "another size", "float", "no picture"],
)
def test_a_wrong_picture_is_not_shown(bench, stages, answer):  # noqa: F811
    bench.use(plus=True, more=True)
    bench.run()
    stages.newest("plus").answer = answer
    assert bench.run() == 1
    assert bench.state("plus").state == "failing"


def test_an_unavailable_filter_says_why(bench, stages):  # noqa: F811
    stages.missing["plus"] = "Needs a file. Fetch it."
    bench.use(plus=True)
    assert bench.run() == 0
    assert (bench.state("plus").state, bench.state("plus").error) == ("unavailable", "Needs a file. Fetch it.")


def test_no_filter_can_write_into_the_picture_it_gets(bench, stages):  # noqa: F811
    bench.use(plus=True, more=True)
    seen = []
    bench.run()
    for name in ("plus", "more"):
        spy(stages.newest(name), lambda image, _moment: seen.append(image.flags.writeable))
    source = frame(1)
    assert bench.runner.run(source, "Camera", {}).flags.writeable
    assert seen == [False, False]
    assert not source.image.flags.writeable


def test_a_picture_that_is_drawn_on_is_not_the_frames_own(bench, stages):  # noqa: F811
    source = frame(1)
    canvas = bench.runner.run(source, "Camera", {}, is_drawn_on=True)
    canvas[:] = 255
    assert not np.array_equal(source.image, canvas)
    bench.use(plus=True)
    seen = []
    bench.run()
    spy(stages.newest("plus"), lambda image, _moment: seen.append(image.flags.writeable))
    assert bench.runner.run(source, "Camera", {}, is_drawn_on=True).flags.writeable
    assert seen == [False]


def test_what_hides_something_fails_closed(stages, resources):  # noqa: F811
    stages.add("privacy_blur", hides=True)
    bench = Bench(resources)
    stages.refuse["privacy_blur"] = RuntimeError("no model")
    bench.use(privacy_blur=True)
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    image = frame(1)
    object.__setattr__(image.picture, "_image", noise)
    shown = bench.runner.run(image, "Camera", {})
    assert shown.shape == noise.shape
    assert shown.std() < noise.std() / 4


def test_a_filter_forgets_pictures_in_which_less_was_hidden(stages, resources):  # noqa: F811
    """Whatever it averages over time: a face that is hidden now must not shine through from before."""
    for name in ("early", "privacy_blur", "late"):
        stages.add(name)
    bench = Bench(resources)

    def run(*order, **options):
        spec = ChainSpec.default().with_options({"early": True, "late": True, **options})
        by_name = {choice.name: choice for choice in spec.stages}
        bench.runner.swap(replace(spec, stages=tuple(by_name[name] for name in order or by_name)))
        bench.run()
        return [len(stages.built.get(name, ())) for name in ("early", "late")]

    assert run() == [1, 1]
    assert run(privacy_blur=True) == [1, 2]  # switched on: what stands behind it begins anew
    assert run(privacy_blur=True) == [1, 2]
    assert run(privacy_blur=True, privacy_blur_amount=9) == [1, 3]  # it may hide more than before
    assert run("privacy_blur", "early", "late", privacy_blur=True, privacy_blur_amount=9) == [2, 3]  # moved behind it
    assert run("early", "late", "privacy_blur", privacy_blur=True, privacy_blur_amount=9) == [2, 3]
    assert run() == [2, 3]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 7), (1080, 1920)])
def test_any_picture_can_be_made_unreadable(size):
    image = np.zeros((*size, 3), np.uint8)
    assert unreadable(image).shape == image.shape


def test_which_analyzers_run_and_which_are_shown(stages):  # noqa: F811
    stages.add("faces", "analyzer")
    stages.add("motion", "analyzer")
    stages.add("privacy_blur", uses=("faces",))
    stages.add("plus")
    spec = ChainSpec.default().with_options({"privacy_blur": True, "motion": True, "plus": True})
    assert set(wanted_analyzers(spec)) == {"faces", "motion"}
    assert shown_analyzers(spec) == {"motion"}
    off = spec.with_processing(False)
    assert set(wanted_analyzers(off)) == {"faces"}
    assert shown_analyzers(off) == set()
    assert [c.name for c in chain_runner.active_stages(off)] == ["privacy_blur"]


def sized(findings, size_px):
    return replace(findings, size_px=size_px)


class Shift:
    """Moves the picture right and down, or doubles its size."""

    def __init__(self, factor, shift_px):
        self.factor, self.shift_px = factor, shift_px
        self.transform = Transform(factor, 0, shift_px, 0, factor, shift_px)

    def apply(self, image, _moment):
        size = (image.shape[1] * self.factor, image.shape[0] * self.factor)
        return cv2.warpAffine(image, self.transform.matrix, size)


@pytest.fixture
def moving(bench, stages):  # noqa: F811
    """`plus`, then a filter that moves the picture, then `late`, which reads the findings of `faces`."""
    stages.add("faces", "analyzer")
    stages.add("late", uses=("faces",))

    def use(factor, shift_px):
        register(
            "moving", lambda _params, _resources: Shift(factor, shift_px), kind="filter", label="Moving", description="A double.",
            moves=True,
        )  # fmt: skip
        put_first(("plus", "moving", "late"))
        bench.use(plus=True, moving=True, late=True)
        bench.run()
        return bench

    return use


@pytest.mark.parametrize(("factor", "shift_px"), [(1, 10), (2, 0), (2, 10)])
def test_findings_follow_a_moved_picture(moving, stages, factor, shift_px):  # noqa: F811
    bench = moving(factor, shift_px)
    source, seen = frame(2), []
    spy(stages.newest("late"), lambda image, moment: seen.append((moment.findings["faces"], image.shape)))
    face = sized(found((10, 10, 20, 24), pts_s=0.0, analyzer="faces"), source.size_px)
    image = bench.runner.run(source, "Camera", {"faces": face, "other": face})
    (told, shape), (width, height) = seen[0], source.size_px
    assert told.size_px == (width * factor, height * factor)
    assert told.detections[0].box == tuple(edge * factor + shift_px for edge in (10, 10, 20, 24))
    assert shape == image.shape == (height * factor, width * factor, 3)
    assert bench.runner.transform.point(10, 10) == (10 * factor + shift_px,) * 2


def test_a_box_drawn_on_the_moved_picture_is_found_on_the_source_picture(moving):
    bench = moving(2, 10)
    bench.run()
    # Viewers see the picture of 128x96 as one of 64x48: what was at (10, 10) stands at (30, 30), shown at (15, 15).
    assert bench.runner.to_source((15, 15, 20, 20)) == pytest.approx((10, 10, 15, 15))


def test_findings_of_another_resolution_are_not_moved_along(moving, stages):  # noqa: F811
    bench = moving(2, 0)
    seen = []
    spy(stages.newest("late"), lambda _image, moment: seen.append(dict(moment.findings)))
    bench.runner.run(frame(2), "Camera", {"faces": found((1, 1, 5, 5), pts_s=0.0, analyzer="faces")})
    assert seen == [{}]


def test_a_filter_that_says_it_does_less_is_told_once_each_way(bench, stages):  # noqa: F811
    bench.use(plus=True)
    bench.run()
    for notice in ("cheaper", "cheaper", "", ""):
        stages.newest("plus").notice = notice
        bench.run()
        assert (bench.state("plus").state, bench.state("plus").notice) == ("ok", notice)
    assert bench.told == [("analysis.slowed", "plus"), ("analysis.recovered", "plus")]


def test_slow_filters_are_asked_to_save_and_released_after_a_while(bench, stages, monkeypatch):  # noqa: F811
    now_ns = [0]
    monkeypatch.setattr(chain_runner.time, "monotonic_ns", lambda: now_ns[0])
    cost_ms, seen = [5], []

    def work(_image, moment):
        seen.append(moment.is_hurried)
        now_ns[0] += cost_ms[0] * 1_000_000

    bench.use(plus=True)
    bench.run()
    spy(stages.newest("plus"), work)
    for cost_ms[0], frames, expected in ((5, 30, False), (90, 30, True), (5, 30, True), (5, 900, False)):
        for _ in range(frames):
            bench.run()
        assert seen[-1] is expected, cost_ms
