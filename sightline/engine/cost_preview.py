"""Knows what every stage costs on this machine, so that people see it before they switch one on.

Lives on the event loop. Stages that were never measured here are measured by a child process, some time after the start; what runs
corrects its own figure. The figures outlive the process in DATA_DIR/stage_costs.json.
"""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sightline.analysis.scheduler import Analysis
from sightline.engine.fleet import Fleet
from sightline.errors import Conflict
from sightline.live.stage_costs import StageCost, machine, measurable, wanted_rate_hz
from sightline.media.stage import Resources, stage
from sightline.vision.inference.budget import cores_here

log = logging.getLogger(__name__)

FILE_NAME = "stage_costs.json"
QUIET_START_S = 20.0
"""The cameras connect and everybody opens the dashboard first."""
TICK_S = 5.0
SAVE_EVERY_S = 60.0
ENOUGH_LOOKS = 20
"""Looks of a running stage after which its own cost says more than the measured one."""
MOST_TRIES = 3
CHANGED_SHARE = 0.1
"""A figure that differs by less is left as it is."""


class CostPreview:
    """The costs of all stages. Methods run on the event loop."""

    def __init__(self, folder: Path, resources: Resources, fleet: Fleet, analysis: Analysis, *, is_on: bool) -> None:
        self._path = folder / FILE_NAME
        self._resources = resources
        self._fleet = fleet
        self._analysis = analysis
        self._is_on = is_on
        self._machine = machine()
        self._costs: dict[str, StageCost] = _read(self._path, self._machine) if is_on else {}
        self._tries: Counter[str] = Counter()
        self._child: asyncio.subprocess.Process | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._left: list[str] = []
        self._is_saved = True
        self._saved_s = time.monotonic()
        self._busy = _Busy()

    async def run(self) -> None:
        """Keep the figures for as long as the engine runs."""
        if not self._is_on:
            return
        await asyncio.sleep(QUIET_START_S)
        while True:
            try:
                self._tick()
            except Exception:
                log.exception("The costs of stages could not be looked after")
            await asyncio.sleep(TICK_S)

    def _tick(self) -> None:
        self._take_running()
        # Weight files arrive while the engine runs; what failed may only have had too little time on a busy machine.
        names = measurable(self._resources)
        missing = [name for name in names if name not in self._costs and self._tries[name] < MOST_TRIES]
        if missing and self._measuring is None:
            self._begin(missing)
        if not self._is_saved and time.monotonic() - self._saved_s > SAVE_EVERY_S:
            self._save()

    def measure_again(self) -> None:
        """Measure all stages anew.

        Raises:
            Conflict: they are being measured, or COST_PREVIEW is off.
        """
        if not self._is_on:
            raise Conflict("COST_PREVIEW is off in the settings: nothing is measured.", code="cost_preview_off")
        if self._measuring is not None:
            raise Conflict("The stages are being measured already.", code="already_measuring")
        self._begin(list(measurable(self._resources)))

    async def close(self) -> None:
        """End the child and keep the figures."""
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.gather(self._measuring, return_exceptions=True)
        if not self._is_saved:
            self._save()

    def to_json(self) -> dict[str, Any]:
        return {
            "enabled": self._is_on, "stages": {name: cost.to_json() for name, cost in self._costs.items()}, "cores": cores_here(),
            "busy_cores": round(self._busy.cores(), 2), "measuring": self._measuring is not None, "left": len(self._left),
        }  # fmt: skip

    def _begin(self, names: list[str]) -> None:
        self._left = names
        self._measuring = asyncio.create_task(self._measure(tuple(names)))

    async def _measure(self, names: Sequence[str]) -> None:
        log.info("The costs of %d stages are measured", len(names))
        command = (sys.executable, "-m", "sightline.live.stage_costs", *names)
        try:
            self._child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            assert self._child.stdout
            async for line in self._child.stdout:
                self._take_line(line)
            await self._child.wait()
            self._save()
        except OSError as err:
            log.warning("The costs of the stages cannot be measured: %s", err)
        finally:
            self._tries.update(names)
            if self._child is not None and self._child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._child.kill()
                await self._child.wait()
            self._child, self._measuring, self._left = None, None, []

    def _take_line(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            name = str(told["stage"])
            if "cost" in told:
                self._costs[name] = StageCost.from_json(told["cost"])
                self._is_saved = False
            else:
                log.info("The cost of %s is not known: %s", name, told["failure"])
        except (ValueError, KeyError, TypeError):
            return  # a native library has printed something
        if name in self._left:
            self._left.remove(name)

    def _take_running(self) -> None:
        """What a stage costs while it runs, with the parameters and the scene it really has."""
        for name, p50_ms in _most(self._running()).items():
            known = self._costs.get(name)
            if known is not None and abs(known.p50_ms - p50_ms) <= CHANGED_SHARE * known.p50_ms:
                continue
            memory_mb = None if known is None else known.memory_mb
            self._costs[name] = StageCost.of(p50_ms, wanted_rate_hz(stage(name)), memory_mb, "running")
            self._is_saved = False

    def _running(self) -> Iterator[tuple[str, float]]:
        for camera in self._fleet.all():
            for report in self._analysis.reports(camera.config.id):
                if report.state == "ok" and report.frames >= ENOUGH_LOOKS and report.p50_ms > 0:
                    yield report.name, report.p50_ms
            for running in camera.runner.filters:
                cost = running.cost_ms.summary()
                if running.state == "ok" and cost.count >= ENOUGH_LOOKS:
                    yield running.choice.name, cost.p50

    def _save(self) -> None:
        self._is_saved, self._saved_s = True, time.monotonic()
        data = {"machine": self._machine, "stages": {name: cost.to_json() for name, cost in self._costs.items()}}
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(data, indent=1))
            fresh.replace(self._path)
        except OSError as err:
            log.warning("%s cannot be written: %s", self._path, err.strerror)


class _Busy:
    """How many cores this process uses, over the time since it was asked before."""

    def __init__(self) -> None:
        self._at_s, self._cpu_s, self._newest = time.monotonic(), time.process_time(), 0.0

    def cores(self) -> float:
        now_s, cpu_s = time.monotonic(), time.process_time()
        if now_s - self._at_s >= 1.0:
            self._newest = (cpu_s - self._cpu_s) / (now_s - self._at_s)
            self._at_s, self._cpu_s = now_s, cpu_s
        return self._newest


def _most(costs: Iterator[tuple[str, float]]) -> Mapping[str, float]:
    """By stage, the cost on the camera where it is highest."""
    most: dict[str, float] = {}
    for name, p50_ms in costs:
        most[name] = max(p50_ms, most.get(name, 0.0))
    return most


def _read(path: Path, machine_now: str) -> dict[str, StageCost]:
    """What an earlier run kept; nothing when it is of another machine or version, or unreadable."""
    try:
        data = json.loads(path.read_text())
        if data["machine"] != machine_now:
            return {}
        return {str(name): StageCost.from_json(cost) for name, cost in data["stages"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("%s cannot be read: the costs are measured anew", path)
        return {}
