"""What every filter and analyzer must keep to, run over every registered one."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from sightline.analysis.seat import Look
from sightline.analysis.unit import Unit
from sightline.errors import AnalyzerError
from sightline.media.chain import plain
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore, read_manifest
from sightline.media.shapes import Shape
from sightline.media.stage import Moment, Resources, StageInfo, Target, make_params, stages

analyzers.load(entry_points=False)

BARE = Resources(ModelStore(Path("no-such-folder")))
"""No weight file at all."""
ASSETS = Path(os.environ.get("SIGHTLINE_ASSETS", Path(__file__).parents[3] / "shared" / "assets"))
WEIGHTS = ASSETS / "weights"
FURNISHED = Resources(ModelStore(Path("no-such-folder"), WEIGHTS if WEIGHTS.is_dir() else None))
"""The weight files of the test footage, where they are here."""
NEEDY = [info for info in stages() if info.unavailable(BARE) is not None]
USABLE = {info.name: FURNISHED if info in NEEDY else BARE for info in stages() if info.unavailable(FURNISHED) is None}
"""By stage that can run here: what it needs for that."""
FILTERS = [info for info in stages() if info.kind == "filter" and info.name in USABLE]
ANALYZERS = [info for info in stages() if info.kind == "analyzer" and info.name in USABLE]
GROUPS = (
    "Motion and camera", "People and faces", "Objects", "Zones and counting", "Scene and text", "Sound", "Privacy", "Picture",
    "Looks", "Views",
)  # fmt: skip
SIZES = {"1x1": (1, 1), "one column": (9, 1), "one row": (1, 9), "odd": (37, 53), "wide": (20, 400), "1080p": (1080, 1920)}


DRAWN = {
    "shapes:zone": Shape("Yard", ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))),
    "shapes:line": Shape("Gate", ((0.5, 0.0), (0.5, 1.0))),
    "shapes:quad": Shape("Floor", ((0.4, 0.2), (0.6, 0.2), (1.0, 1.0), (0.0, 1.0))),
}


def by_name(info: StageInfo) -> str:
    return info.name


def picture(kind: str, height: int, width: int) -> Image:
    if kind == "random":
        image = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    else:
        image = np.full((height, width, 3), 255 if kind == "white" else 0, np.uint8)
    image.flags.writeable = False
    return image


def moment(seq: int = 1, **findings: Findings) -> Moment:
    return Moment("yard", "Yard – Hof", seq, seq * 33_000_000, 1_700_000_000.0 + seq / 30, findings)


def frame(image: Image, seq: int) -> Frame:
    return Frame("yard", seq, seq * 100_000_000, seq * 100_000_000, 1_700_000_000.0, BgrPicture(image))


def read_by(info: StageInfo, looked_at: Frame) -> Findings:
    """What an interpreter reads: people, a face with its points, a thing at the edge and a tiny one, numbered and not."""
    width, height = looked_at.size_px
    step = looked_at.seq * 0.02
    points = tuple(
        (width * x, height * y, 0.9) for x, y in ((0.3, 0.2), (0.36, 0.2), (0.33, 0.25), (0.31, 0.3), (0.35, 0.3), (0.38, 0.2))
    )
    boxes = [(0.1 + step, 0.2, 0.3 + step, 0.9), (0.25, 0.1, 0.4, 0.35), (0.9, 0.9, 1.0, 1.0), (0.5, 0.5, 0.501, 0.501)]
    labels = ("person", "face", "car", "person")
    detections = tuple(
        Detection(label, 0.9, (x1 * width, y1 * height, x2 * width, y2 * height), number, points if label == "face" else ())
        for number, (label, (x1, y1, x2, y2)) in enumerate(zip(labels, boxes, strict=True))
    )
    return Findings.of(info.reads, looked_at, detections=(*detections, replace(detections[0], track_id=None)))


def look(info: StageInfo, analyzer: Any, frames: list[Frame]) -> list[Findings]:
    """One look of an analyzer, whichever kind it is."""
    if info.reads:
        return [analyzer.interpret(looked_at, read_by(info, looked_at)) for looked_at in frames]
    return list(analyzer.analyze(frames))


def extremes(info: StageInfo) -> Iterator[dict[str, Any]]:
    """Each parameter at each of its limits or choices, the others at their defaults."""
    for spec in fields(info.params):
        choices = () if isinstance(spec.default, tuple) else spec.metadata["choices"]
        for value in (spec.metadata["minimum"], spec.metadata["maximum"], *choices):
            if value is not None:
                yield {spec.name: value}
        if isinstance(spec.default, bool):
            yield {spec.name: not spec.default}
        if isinstance(spec.default, tuple) and spec.metadata["choices"]:
            yield {spec.name: spec.metadata["choices"]}
        if spec.metadata["editor"].startswith("shapes:"):
            yield {spec.name: (DRAWN[spec.metadata["editor"]],)}


@pytest.fixture(scope="module")
def looking() -> Any:
    """One analyzer of each kind for the whole module: some take long to load."""
    made: dict[str, Any] = {}

    def get(info: StageInfo) -> Any:
        if info.name not in made:
            made[info.name] = info.factory(info.params(), USABLE[info.name])
        return made[info.name]

    return get


def check(findings: list[Findings], info: StageInfo, frames: list[Frame]) -> None:
    assert len(findings) == len(frames)
    for found, looked_at in zip(findings, frames, strict=True):
        assert found.analyzer == info.name
        assert (found.camera_id, found.seq, found.pts_ns, found.size_px) == (
            looked_at.camera_id, looked_at.seq, looked_at.pts_ns, looked_at.size_px,
        )  # fmt: skip
        json.dumps(asdict(replace(found, mask=None)), allow_nan=False)
        if found.mask is not None:
            assert found.mask.values.ndim == 2
            assert found.mask.values.dtype == np.uint8
        width, height = found.size_px
        for detection in found.detections:
            x1, y1, x2, y2 = detection.box
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            assert 0 <= detection.score <= 1
            assert detection.label
            assert all(0 <= x <= width and 0 <= y <= height and 0 <= s <= 1 for x, y, s in detection.keypoints)
            assert all(max(bone) < len(detection.keypoints) for bone in detection.bones)
        assert all(happening.kind.count(".") == 1 and happening.message for happening in found.happenings)


@pytest.mark.parametrize("info", stages(), ids=by_name)
def test_a_stage_describes_itself(info: StageInfo) -> None:
    assert info.label
    assert info.description.endswith(".")
    assert info.licence
    assert info.backend
    assert set(info.needs(info.params())) <= {other.name for other in stages() if other.kind == "analyzer"}
    assert info.group in GROUPS
    reason = info.unavailable(BARE)
    assert reason is None or reason.strip()


@pytest.mark.parametrize("info", stages(), ids=by_name)
def test_parameters_have_a_form(info: StageInfo) -> None:
    defaults = info.params()
    assert make_params(info, asdict(defaults)) == defaults
    sent = json.loads(json.dumps({spec.name: plain(getattr(defaults, spec.name)) for spec in fields(info.params)}))
    assert make_params(info, sent) == defaults
    for spec in fields(info.params):
        assert spec.metadata["label"]
        if spec.metadata["check"] is not None:
            assert spec.metadata["check"](spec.default, spec.name) == spec.default
        elif isinstance(spec.default, str | tuple):
            chosen = (spec.default,) if isinstance(spec.default, str) else spec.default
            assert not spec.metadata["choices"] or set(chosen) <= set(spec.metadata["choices"])
        elif not isinstance(spec.default, bool):
            assert spec.metadata["minimum"] <= spec.default <= spec.metadata["maximum"]


def test_builtin_lists_every_stage_in_its_order() -> None:
    assert tuple(info.name for info in stages()) == analyzers.BUILTIN


@pytest.mark.parametrize("kind", ["random", "black", "white"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("info", FILTERS, ids=by_name)
def test_a_filter_keeps_size_and_input(info: StageInfo, size: tuple[int, int], kind: str) -> None:
    image = picture(kind, *size)
    before = image.copy()
    result = info.factory(info.params(), USABLE[info.name]).apply(image, moment())
    assert info.moves or result.shape == image.shape
    assert result.dtype == np.uint8
    assert result is not image
    assert not np.shares_memory(result, image)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("info", FILTERS, ids=by_name)
def test_a_filter_takes_every_extreme(info: StageInfo) -> None:
    for values in extremes(info):
        stage = info.factory(make_params(info, values), USABLE[info.name])
        for size in ((1, 1), (37, 53)):
            image = picture("random", *size)
            shape = stage.apply(image, moment()).shape
            assert info.moves or shape == image.shape, values


@pytest.mark.parametrize("info", FILTERS, ids=by_name)
def test_a_filter_survives_a_change_of_resolution(info: StageInfo) -> None:
    stage = info.factory(info.params(), USABLE[info.name])
    for seq, size in enumerate([(90, 160), (90, 160), (37, 53), (180, 320), (90, 160)], start=1):
        shape = stage.apply(picture("random", *size), moment(seq)).shape
        assert info.moves or shape == (*size, 3)


@pytest.mark.parametrize("info", FILTERS, ids=by_name)
def test_a_result_may_be_painted_on(info: StageInfo) -> None:
    """What is drawn onto one result must not show in the next."""
    stage = info.factory(info.params(), USABLE[info.name])
    image = picture("random", 90, 160)
    clean = [stage.apply(image, moment(seq)).copy() for seq in (1, 2, 3)]
    stage = info.factory(info.params(), USABLE[info.name])
    for seq, expected in enumerate(clean, start=1):
        result = stage.apply(image, moment(seq))
        assert np.array_equal(result, expected)
        result[:] = 0


@pytest.mark.parametrize("kind", ["random", "black", "white"])
@pytest.mark.parametrize("info", ANALYZERS, ids=by_name)
def test_an_analyzer_takes_any_picture(info: StageInfo, kind: str, looking: Any) -> None:
    """Also shows that a change of resolution between two looks is survived."""
    analyzer = looking(info)
    for seq, size in enumerate([*SIZES.values(), (37, 53), (37, 53)], start=1):
        frames = [frame(picture(kind, *size), seq)]
        check(look(info, analyzer, frames), info, frames)


@pytest.mark.parametrize("info", ANALYZERS, ids=by_name)
def test_an_analyzer_takes_every_extreme(info: StageInfo) -> None:
    for values in extremes(info):
        try:
            analyzer = info.factory(make_params(info, values), USABLE[info.name])
        except AnalyzerError as err:  # a model whose file is not here; anything else is a fault of the stage
            assert err.code in ("model_missing", "unavailable"), values
            continue
        frames = [frame(picture("random", 90, 160), 1)]
        check(look(info, analyzer, frames), info, frames)


@pytest.mark.parametrize("info", [info for info in ANALYZERS if info.shared], ids=by_name)
def test_a_shared_analyzer_takes_a_batch_of_cameras(info: StageInfo, looking: Any) -> None:
    frames = [frame(picture("random", 90, 160), 1), frame(picture("black", 37, 53), 5), frame(picture("white", 1, 1), 2)]
    check(look(info, looking(info), frames), info, frames)


class Strange:
    """Pixels that no decoder of ours gives: grey, with transparency, of floating point, or none at all."""

    def __init__(self, pixels: Any) -> None:
        self._pixels = pixels
        self.height_px, self.width_px = pixels.shape[:2]

    def bgr(self) -> Any:
        return self._pixels

    def luma(self, width_px: int) -> Any:
        return self._pixels


STRANGE = {
    "grey": np.zeros((40, 60), np.uint8),
    "four channels": np.zeros((40, 60, 4), np.uint8),
    "floats": np.full((40, 60, 3), np.nan, np.float32),
    "nothing": np.zeros((0, 0, 3), np.uint8),
}


def run_once(info: StageInfo, resources: Resources, picture: Any) -> Unit:
    """One look as the scheduler does it."""
    unit = Unit(info, info.params(), resources)
    looked_at = Frame("yard", 1, 1_000_000, 1_000_000, 1_700_000_000.0, picture)
    read = read_by(info, looked_at) if info.reads else None
    unit.run([Look(looked_at, 0, read)])
    unit.close()
    return unit


@pytest.mark.parametrize("pixels", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("info", ANALYZERS, ids=by_name)
def test_pixels_of_another_form_are_a_state_and_no_crash(info: StageInfo, pixels: Any) -> None:
    unit = run_once(info, USABLE[info.name], Strange(pixels))
    assert unit.state == "ok" or (unit.state == "failing" and unit.error)


@pytest.mark.parametrize("info", [info for info in NEEDY if info.kind == "analyzer"], ids=by_name)
def test_without_its_weights_an_analyzer_says_what_to_do(info: StageInfo) -> None:
    unit = run_once(info, BARE, BgrPicture(picture("random", 40, 60)))
    assert unit.state == "unavailable"
    assert unit.error == info.unavailable(BARE)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """Every weight file of the manifest is here, and none is what it says."""
    folder = tmp_path_factory.mktemp("damaged")
    for model in read_manifest():
        (folder / model.file).write_bytes(b"not a model\n" * 50)
    return Resources(ModelStore(folder))


@pytest.mark.parametrize("info", [info for info in stages() if info.kind == "analyzer"], ids=by_name)
def test_damaged_weights_are_a_state_and_no_crash(info: StageInfo, damaged: Resources) -> None:
    unit = run_once(info, damaged, BgrPicture(picture("random", 90, 160)))
    assert unit.state == "ok" or unit.error
    assert "Traceback" not in unit.error


@pytest.mark.parametrize("box", [(10, 10, 60, 60), (0, 0, 1, 1), (-50, -50, 20, 20), (150, 80, 900, 900), (200, 200, 300, 300)])
def test_a_target_anywhere_does_no_harm(box: tuple[float, float, float, float]) -> None:
    info = next(info for info in ANALYZERS if info.name == "object_tracking")
    analyzer = info.factory(info.params(), USABLE[info.name])
    analyzer.follow(Target(box))
    for seq in range(1, 4):
        frames = [frame(picture("random", 90, 160), seq)]
        check(look(info, analyzer, frames), info, frames)
