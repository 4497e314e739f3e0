"""The costs of stages as the engine keeps them: measured once, corrected by what runs, forgotten on another machine."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import analyzers
from sightline.engine import cost_preview
from sightline.engine.cost_preview import FILE_NAME, CostPreview
from sightline.errors import Conflict
from sightline.live.stage_costs import StageCost, machine
from sightline.media.models import ModelStore
from sightline.media.stage import Resources

analyzers.load(entry_points=False)
MEASURED = StageCost.of(10.0, 5.0, 100.0, "measured")


@dataclass
class Running:
    """Stands for the fleet and the analysis: one camera and what runs on it."""

    reports: tuple[Any, ...] = ()
    filters: tuple[Any, ...] = ()
    asked: list[str] = field(default_factory=list)

    def all(self) -> list[Any]:
        return [SimpleNamespace(config=SimpleNamespace(id="yard"), runner=SimpleNamespace(filters=self.filters))]


def preview(folder: Path, running: Running | None = None, *, is_on: bool = True) -> CostPreview:
    running = running or Running()
    analysis = SimpleNamespace(reports=lambda _camera_id: running.reports)
    return CostPreview(folder, Resources(ModelStore(folder)), running, analysis, is_on=is_on)  # type: ignore[arg-type]


def keep(folder: Path, where: str, **costs: StageCost) -> None:
    data = {"machine": where, "stages": {name: cost.to_json() for name, cost in costs.items()}}
    (folder / FILE_NAME).write_text(json.dumps(data))


def run_for(costs: CostPreview, until: Callable[[], bool]) -> None:
    async def work() -> None:
        task = asyncio.create_task(costs.run())
        async with asyncio.timeout(60):
            while not until():
                await asyncio.sleep(0.02)
        task.cancel()
        await costs.close()

    asyncio.run(work())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_preview, "QUIET_START_S", 0.0)
    monkeypatch.setattr(cost_preview, "TICK_S", 0.02)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`only("blur")`: these are the stages that can be measured here."""
    return lambda *names: monkeypatch.setattr(cost_preview, "measurable", lambda _resources: names)


def test_what_is_missing_is_measured_once_and_kept(tmp_path: Path, only: Callable[..., None]) -> None:
    only("grayscale", "invert")
    first = preview(tmp_path)
    run_for(first, lambda: len(first.to_json()["stages"]) == 2 and not first.to_json()["measuring"])
    told = first.to_json()
    assert (told["enabled"], told["left"]) == (True, 0)
    assert told["stages"]["grayscale"]["source"] == "measured"
    assert told["cores"] >= 1 and told["busy_cores"] >= 0

    second = preview(tmp_path)
    assert second.to_json()["stages"] == told["stages"]
    ticks = iter(range(10))
    run_for(second, lambda: next(ticks, None) is None)
    assert second.to_json()["stages"] == told["stages"]


def test_the_figures_of_another_machine_or_a_damaged_file_are_not_used(tmp_path: Path) -> None:
    keep(tmp_path, machine(), blur=MEASURED)
    assert set(preview(tmp_path).to_json()["stages"]) == {"blur"}
    keep(tmp_path, "another machine", blur=MEASURED)
    assert preview(tmp_path).to_json()["stages"] == {}
    for text in ("", "[]", "{", '{"machine": 1}', json.dumps({"machine": machine(), "stages": {"blur": {"p50_ms": 1}}})):
        (tmp_path / FILE_NAME).write_text(text)
        assert preview(tmp_path).to_json()["stages"] == {}


def test_what_runs_corrects_its_figure(tmp_path: Path, only: Callable[..., None]) -> None:
    only()
    keep(tmp_path, machine(), object_detection=MEASURED, motion_detection=MEASURED, blur=MEASURED, sepia=MEASURED)
    cost = SimpleNamespace(summary=lambda: SimpleNamespace(count=50, p50=2.0))
    running = Running(
        reports=(
            SimpleNamespace(name="object_detection", state="ok", frames=50, p50_ms=40.0),
            SimpleNamespace(name="motion_detection", state="ok", frames=3, p50_ms=99.0),
        ),
        filters=(
            SimpleNamespace(choice=SimpleNamespace(name="blur"), state="ok", cost_ms=cost),
            SimpleNamespace(choice=SimpleNamespace(name="sepia"), state="failing", cost_ms=cost),
        ),
    )
    costs = preview(tmp_path, running)
    run_for(costs, lambda: costs.to_json()["stages"]["blur"]["source"] == "running")

    told = costs.to_json()["stages"]
    assert (told["object_detection"]["p50_ms"], told["object_detection"]["core_share"]) == (40.0, 0.2)
    assert told["object_detection"]["memory_mb"] == 100.0
    assert (told["blur"]["p50_ms"], told["blur"]["core_share"]) == (2.0, 0.06)
    assert told["motion_detection"] == told["sepia"] == MEASURED.to_json()
    assert preview(tmp_path).to_json()["stages"] == told


def test_measuring_again(tmp_path: Path, only: Callable[..., None]) -> None:
    only("grayscale")
    keep(tmp_path, machine(), grayscale=StageCost.of(5000.0, 30.0, 1.0, "measured"))
    costs = preview(tmp_path)

    async def work() -> None:
        costs.measure_again()
        with pytest.raises(Conflict) as caught:
            costs.measure_again()
        assert caught.value.code == "already_measuring"
        async with asyncio.timeout(60):
            while costs.to_json()["measuring"]:
                await asyncio.sleep(0.02)

    asyncio.run(work())
    assert costs.to_json()["stages"]["grayscale"]["p50_ms"] < 1000


def test_a_stage_that_cannot_be_measured_is_not_tried_for_ever(
    tmp_path: Path, only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    only("grayscale")
    began: list[list[str]] = []
    costs = preview(tmp_path)
    begin = costs._begin
    monkeypatch.setattr(costs, "_begin", lambda names: (began.append(list(names)), begin(names)))
    monkeypatch.setattr(cost_preview.sys, "executable", "/bin/false")
    ticks = iter(range(20))
    run_for(costs, lambda: len(began) >= 3 and not costs.to_json()["measuring"] and next(ticks, None) is None)
    assert began == [["grayscale"]] * 3


def test_a_stage_that_cannot_say_whether_it_is_here_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([RuntimeError("a package of somebody's"), ("grayscale",)])

    def ask(_resources: Resources) -> tuple[str, ...]:
        answer = next(answers, ("grayscale",))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(cost_preview, "measurable", ask)
    costs = preview(tmp_path)
    run_for(costs, lambda: "grayscale" in costs.to_json()["stages"])


def test_switched_off_it_measures_and_shows_nothing(tmp_path: Path) -> None:
    keep(tmp_path, machine(), blur=MEASURED)
    costs = preview(tmp_path, is_on=False)
    asyncio.run(costs.run())
    assert (costs.to_json()["enabled"], costs.to_json()["stages"]) == (False, {})
    with pytest.raises(Conflict) as caught:
        costs.measure_again()
    assert caught.value.code == "cost_preview_off"
