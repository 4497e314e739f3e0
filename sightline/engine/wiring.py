"""Everything that runs in the engine process, in the order in which it starts."""

import asyncio
import contextlib
import logging
import socket
import sys
from pathlib import Path
from typing import Any

import cv2
from aiohttp import web

import analyzers
from sightline.analysis.scheduler import Analysis
from sightline.engine.access import guard
from sightline.engine.api import BODY_LIMIT_BYTES, Api
from sightline.engine.cost_preview import CostPreview
from sightline.engine.counter_log import CounterLog
from sightline.engine.errors import problems
from sightline.engine.event_log import EventLog
from sightline.engine.feed import Feed
from sightline.engine.fleet import Fleet
from sightline.engine.metrics import EngineCollector
from sightline.engine.people import RECOGNISED, PeopleApi
from sightline.errors import Conflict, Invalid
from sightline.live.capture import Capture
from sightline.live.context import CameraConfig, LiveContext
from sightline.live.doctor import examine
from sightline.media.address import AddressPolicy
from sightline.media.models import ModelStore
from sightline.media.stage import Resources
from sightline.records.cameras import Cameras, engine_index_of
from sightline.records.counters import CounterMinutes
from sightline.records.database import Database
from sightline.records.events import Event, Events
from sightline.records.identities import Identities
from sightline.settings import Settings
from sightline.vision import inference

log = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 15.0
SWITCH_INTERVAL_S = 0.0005
SHUTDOWN_S = 0.5
"""What open requests get at the end; streams of viewers never end by themselves."""


class Engine:
    """The engine process put together. `start` and `stop` run on its event loop."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._policy = AddressPolicy.from_settings(settings)
        self._resources = Resources(ModelStore.from_settings(settings))
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        # OpenCV's own threads would fight with ours over the cores; one picture is small enough for one.
        cv2.setNumThreads(1)
        # A filter takes and gives back the interpreter dozens of times per picture; with the default of 5 ms each could wait
        # that long for an analyzer that computes in Python.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        url, cache_dir = self._settings.triton_url.get_secret_value(), self._settings.data_dir / "compiled_models"
        inference.configure(self._settings.inference_threads, url, cache_dir)
        analyzers.load()
        self.event_log = EventLog(Events(self._database))
        self.event_log.start()
        self.analysis = Analysis(self._resources, self._settings.analysis_threads)
        self.fleet = Fleet(self._context())
        self.counter_log = CounterLog(self.fleet, self.analysis, CounterMinutes(self._database))
        self.feed = Feed(self.fleet, self.analysis)
        collector = EngineCollector(self.fleet, self.analysis, self.event_log)
        self.costs = CostPreview(
            self._settings.data_dir, self._resources, self.fleet, self.analysis, is_on=self._settings.cost_preview
        )
        self.api = Api(self.fleet, self.analysis, self.feed, collector, self._examine, self._resources, self.costs)
        self.people = PeopleApi(self.fleet, self._resources, Identities(self._database), self.event_log.flush)
        self.people.load()
        _prepare_socket(self._settings.engine_socket)
        # Before anybody can ask: a camera that is not loaded yet would be answered with "there is no such camera".
        self.fleet.load(Cameras(self._database), self._settings.default_source, self._is_own)
        self.counter_log.start()
        await self._listen()
        self._tasks += [asyncio.create_task(self.feed.run()), asyncio.create_task(self.costs.run())]
        self._tasks.append(asyncio.create_task(self.people.run()))

    def _is_own(self, camera_id: str) -> bool:
        engines = len(self._settings.engine_addresses)
        return engine_index_of(camera_id, engines) == self._settings.engine_index

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.costs.close()
        self.people.close()
        await asyncio.to_thread(self.counter_log.close)
        await asyncio.to_thread(self.fleet.close)
        for runner in self._runners:
            await runner.cleanup()
        await asyncio.gather(asyncio.to_thread(self.analysis.close), asyncio.to_thread(self.event_log.close))
        with contextlib.suppress(FileNotFoundError):
            self._settings.engine_socket.unlink()

    def _context(self) -> LiveContext:
        return LiveContext(
            analysis=self.analysis,
            resources=self._resources,
            make_reader=self._make_reader,
            on_event=self._on_event,
            on_status=lambda camera_id: self.feed.status_soon(camera_id),
            on_findings=lambda camera_id: self.feed.findings_soon(camera_id),
        )

    def _make_reader(self, config: CameraConfig, on_frame: Any, on_state: Any) -> Capture:
        return Capture(config.id, config.source, config.source_options, self._policy, on_frame, on_state)

    def _on_event(self, event: Event) -> None:
        if event.kind == RECOGNISED and not self._resources.gallery.knows(event.facts.get("identity")):
            return  # forgotten while the look was under way: the name must not come back
        # Names of people stand with the people and nowhere else, not in a log either.
        log.info("Camera %s: %s: %s", event.camera_id, event.kind, "" if event.kind == RECOGNISED else event.message)
        self.event_log.add(event)
        self.feed.event_soon(event)

    def _examine(self, source: str, options: dict[str, Any]) -> dict[str, Any]:
        return examine(source, options, self._policy, PROBE_TIMEOUT_S).to_json()

    async def _listen(self) -> None:
        path = self._settings.engine_socket
        await self._open(lambda runner: web.UnixSite(runner, str(path)), is_trusted=True)
        path.chmod(0o600)
        log.info("Listening on %s", path)
        if self._settings.engine_bind:
            host, port = _host_and_port(self._settings.engine_bind)
            try:
                await self._open(lambda runner: web.TCPSite(runner, host, port, backlog=1024), is_trusted=False)
            except OSError as err:
                raise Conflict(f"ENGINE_BIND: {host}:{port} cannot be used: {err.strerror}.", code="port_taken") from err
            log.info("Listening on %s:%d", host, port)

    async def _open(self, make_site: Any, *, is_trusted: bool) -> None:
        middlewares = [problems] if is_trusted else [problems, guard(self._settings)]
        app = web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT_BYTES)
        app.add_routes([*self.api.routes(), *self.people.routes()])
        # Cancellation: a viewer who leaves ends its handler at once, not with the next picture.
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False, handler_cancellation=True
        )  # fmt: skip
        await runner.setup()
        await make_site(runner).start()
        self._runners.append(runner)


def _prepare_socket(path: Path) -> None:
    """Make the folder, for our own user only, and take a socket away that a dead engine left.

    Raises:
        Conflict: an engine lives at that socket.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        probe.connect(str(path))
        raise Conflict(f"An engine already runs for this DATA_DIR (socket {path}).", code="engine_runs")
    path.unlink(missing_ok=True)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise Invalid("ENGINE_BIND must be host:port.", code="bad_setting", field="ENGINE_BIND")
    return host.strip("[]"), int(port)
