"""What every filter and analyzer costs on this machine, measured: `python -m sightline.live.stage_costs [name …]`.

Runs as a process of its own, as unimportant as a process can be (nice +19, one thread), so that no picture suffers and the engine
never grows: each stage is made and looks at a few pictures of the demo scene, 1280×720, in a child of its own, whose memory and
processor time are its cost. One JSON line a stage goes to stdout as soon as it is known. A stage that crashes, hangs or cannot run
here costs its own line only.
"""

import contextlib
import gc
import json
import logging
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import cv2

import analyzers
from sightline import __version__, logs
from sightline.errors import SightlineError
from sightline.live.sources.demo_scene import Scene
from sightline.media.findings import Findings
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Moment, Resources, StageInfo, stage, stages
from sightline.parent_death import end_with_parent
from sightline.settings import Settings
from sightline.vision import inference
from sightline.vision.inference.budget import cores_here

PICTURE_PX = (1280, 720)
VIDEO_HZ = 30.0
"""How often a filter is counted to run."""
SCENE_STEP = 9
"""Every so many pictures of the scene are looked at: things move, come and go between two looks."""
PICTURES, WARM_UP, LOOKS = 12, 3, 10
ENOUGH_CPU_S = 3.0
"""No further look after so much processor time; a stage that takes a second a look is known by then."""
PATIENCE_S = 120.0
"""For one stage, loading included, on a machine that has other things to do."""
NICENESS = 19
CAMERA_ID = "measuring"


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage costs with its default parameters, or as it ran last."""

    p50_ms: float
    """Processor time of one look, the middle one."""
    rate_hz: float
    """Looks a second that it wants; for a filter those of a camera with 30 pictures a second."""
    core_share: float
    """1.0 = one core wholly; a stage runs in one thread, and falls behind its rate instead of taking more."""
    memory_mb: float | None
    """Of its own, in a process in which nothing else is loaded; None = not measured."""
    measured_at: float
    """Epoch seconds."""
    source: Literal["measured", "running"]

    @classmethod
    def of(cls, p50_ms: float, rate_hz: float, memory_mb: float | None, source: Literal["measured", "running"]) -> "StageCost":
        share = min(1.0, p50_ms * rate_hz / 1000)
        memory = None if memory_mb is None else round(memory_mb, 1)
        return cls(round(p50_ms, 3), rate_hz, round(share, 4), memory, round(time.time(), 1), source)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StageCost":
        """Raises: KeyError, TypeError, ValueError when `to_json` did not write it."""
        return cls(**{spec.name: data[spec.name] for spec in fields(cls)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def machine() -> str:
    """This machine as far as speed goes: the costs of another one are worth nothing here."""
    model = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return f"{platform.machine()} {model} ×{cores_here()}, Sightline {__version__}"


def wanted_rate_hz(info: StageInfo) -> float:
    """How often a stage looks when nothing holds it up: an interpreter as often as what it reads."""
    if info.kind == "filter":
        return VIDEO_HZ
    return min(info.rate_hz, wanted_rate_hz(stage(info.reads))) if info.reads else info.rate_hz


class _Looker:
    """One stage, and the stages whose findings it needs, made ready to look."""

    def __init__(self, name: str, resources: Resources) -> None:
        self.info = stage(name)
        params = self.info.params()
        # What it needs comes first: its cost is told in a line of its own, and its memory is no part of this one's.
        self._needed = {other: _Looker(other, resources) for other in self.info.needs(params)}
        self.memory_before_mb = private_memory_mb()
        self._instance = self.info.factory(params, resources)

    def look(self, frame: Frame) -> tuple[Findings | Image, float]:
        """What it says or makes of `frame`, and the processor time that this took, in ms, without that of others."""
        known = {name: other.look(frame)[0] for name, other in self._needed.items()}
        started_ns = time.process_time_ns()
        result = self._work(frame, known)
        return result, (time.process_time_ns() - started_ns) / 1e6

    def _work(self, frame: Frame, known: Mapping[str, Any]) -> Findings | Image:
        if self.info.kind == "filter":
            moment = Moment(CAMERA_ID, "Measuring", frame.seq, frame.pts_ns, frame.wall_time_s, known)
            changed: Image = self._instance.apply(frame.image, moment)
            return changed
        if self.info.reads:
            found: Findings = self._instance.interpret(frame, known[self.info.reads])
            return found
        newest: Findings = self._instance.analyze([frame])[0]
        return newest


def measure(name: str, pictures: list[Image], resources: Resources) -> StageCost:
    """Measure one stage in this process.

    Raises:
        SightlineError: it cannot run here.
    """
    looker = _Looker(name, resources)
    rate_hz = wanted_rate_hz(looker.info)
    costs_ms: list[float] = []
    for frame in _frames(pictures, rate_hz):
        cost_ms = looker.look(frame)[1]
        if frame.seq > WARM_UP:
            costs_ms.append(cost_ms)
        if len(costs_ms) == LOOKS or sum(costs_ms) > ENOUGH_CPU_S * 1000:
            break
    memory_mb = max(0.0, private_memory_mb() - looker.memory_before_mb)
    return StageCost.of(statistics.median(costs_ms), rate_hz, memory_mb, "measured")


def _frames(pictures: list[Image], rate_hz: float) -> Iterator[Frame]:
    for seq in range(1, WARM_UP + LOOKS + 1):
        at_ns = round(seq * 1e9 / rate_hz)
        # A picture of its own for each look: what a stage converts is kept in it, and would be free the second time.
        yield Frame(CAMERA_ID, seq, at_ns, at_ns, at_ns / 1e9, BgrPicture(pictures[seq % len(pictures)]))


def private_memory_mb() -> float:
    """Memory of this process that no other one shares."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Hugetlb"))) / 1024


def measurable(resources: Resources) -> tuple[str, ...]:
    """Names of the stages that can run here, with all that they need, hidden ones too."""
    return tuple(info.name for info in stages() if _can_run(info, resources))


def _can_run(info: StageInfo, resources: Resources) -> bool:
    if info.unavailable(resources) is not None:
        return False
    return all(_can_run(stage(name), resources) for name in info.needs(info.params()))


def measure_all(names: Iterable[str], resources: Resources) -> Iterator[tuple[str, StageCost | str]]:
    """Measure one stage after the other, each in a forked child; gives its cost, or why there is none."""
    scene = Scene(*PICTURE_PX, int(VIDEO_HZ))
    pictures = [scene.draw(number * SCENE_STEP) for number in range(PICTURES)]
    forking = multiprocessing.get_context("fork")
    # What the children inherit is touched by none of them, or it would count as theirs.
    gc.freeze()
    for name in names:
        ours, theirs = forking.Pipe(duplex=False)
        child = forking.Process(target=_measure_in_child, args=(name, pictures, resources, theirs, os.getpid()), daemon=True)
        child.start()
        theirs.close()
        yield name, _told(ours)
        child.kill()
        child.join()
        ours.close()


def _told(pipe: Connection) -> StageCost | str:
    try:
        told: StageCost | str = pipe.recv() if pipe.poll(PATIENCE_S) else f"No answer within {PATIENCE_S:g} s."
    except EOFError:
        return "It ended the process that measured it."
    return told


def _measure_in_child(name: str, pictures: list[Image], resources: Resources, pipe: Connection, parent: int) -> None:
    # A stage that hangs must not outlive those who wait for it.
    if not end_with_parent(parent):
        return
    try:
        pipe.send(measure(name, pictures, resources))
    except SightlineError as err:
        pipe.send(err.message)
    except Exception as err:  # noqa: BLE001 - stages are foreign code; this is the top of the process that runs one
        pipe.send(f"{type(err).__name__}: {err}")


def main(names: list[str]) -> int:
    """Measure the stages of these names, or all that can run here."""
    os.nice(NICENESS)
    cv2.setNumThreads(1)
    try:
        settings = Settings.from_env()
        logs.configure(settings, "stage_costs")
        logging.getLogger().setLevel(logging.WARNING)
        inference.configure(1, settings.triton_url.get_secret_value())
        analyzers.load()
        resources = Resources(ModelStore.from_settings(settings))
        chosen = [stage(name).name for name in names] or measurable(resources)
    except SightlineError as err:
        return logs.explain(err)
    for name, told in measure_all(chosen, resources):
        line = {"stage": name, "cost": told.to_json()} if isinstance(told, StageCost) else {"stage": name, "failure": told}
        try:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            return 1  # nobody listens any more: the engine has ended
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
