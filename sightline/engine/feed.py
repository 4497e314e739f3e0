"""The endless feed of what happens, one JSON object a line. Lives on the event loop; other threads enter through `*_soon`.

A client that reads too slowly gets the newest statistics and states, not all of them; only events are queued, and bounded.
"""

import asyncio
import itertools
import json
import logging
import time
from typing import Any

from aiohttp import web

from sightline.analysis.scheduler import Analysis
from sightline.engine.answers import event_json, findings_json, stats_json, status_json
from sightline.engine.fleet import Fleet
from sightline.errors import NotFound
from sightline.live.stats import camera_stats
from sightline.records.events import Event

log = logging.getLogger(__name__)

PING_S = 5.0
STATS_PERIOD_S = 1.0
FINDINGS_PERIOD_S = 0.1
QUEUE_LINES = 1_000

Key = tuple[str, str]


class _Client:
    """One reader of the feed: what it has not been sent yet, at most one line per key."""

    def __init__(self) -> None:
        self._lines: dict[object, bytes] = {}
        self._wake = asyncio.Event()

    def put(self, key: object, line: bytes) -> None:
        if len(self._lines) < QUEUE_LINES or key in self._lines:
            self._lines[key] = line
            self._wake.set()

    async def take(self) -> bytes:
        """All lines that wait; a ping after 5 s without any."""
        try:
            async with asyncio.timeout(PING_S):
                await self._wake.wait()
        except TimeoutError:
            return PING
        self._wake.clear()
        lines, self._lines = self._lines, {}
        return b"".join(lines.values())


PING = b'{"type":"ping"}\n'


class Feed:
    """Sends statistics, findings, states and events of all cameras to all clients."""

    def __init__(self, fleet: Fleet, analysis: Analysis) -> None:
        self._fleet = fleet
        self._analysis = analysis
        self._loop = asyncio.get_running_loop()
        self._clients: set[_Client] = set()
        self._numbers = itertools.count()
        self._fresh: set[str] = set()
        self._said_nothing: set[str] = set()
        self._findings_timer: asyncio.TimerHandle | None = None
        self._findings_sent_s = 0.0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with the feed until the client goes."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        await response.prepare(request)
        client = _Client()
        for camera in self._fleet.all():
            client.put(("camera", camera.config.id), _line("camera", camera.config.id, status_json(camera.status())))
        self._clients.add(client)
        try:
            while True:
                await response.write(await client.take())
        except ConnectionError:
            return response
        finally:
            self._clients.discard(client)

    async def run(self) -> None:
        """Tick once a second for as long as the engine runs."""
        while True:
            await asyncio.sleep(STATS_PERIOD_S)
            try:
                self._tick()
            except Exception:
                log.exception("Statistics could not be sent")

    def event_soon(self, event: Event) -> None:
        self._soon(self._send, "event", event.camera_id, event_json(event), next(self._numbers))

    def status_soon(self, camera_id: str) -> None:
        self._soon(self._send_status, camera_id)

    def findings_soon(self, camera_id: str) -> None:
        """New findings are there; they are sent at most ten times a second."""
        if self._clients and camera_id not in self._fresh:
            self._fresh.add(camera_id)
            self._soon(self._arm_findings)

    def _soon(self, action: Any, *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(action, *args)
        except RuntimeError:
            log.debug("The event loop has ended")

    def _tick(self) -> None:
        self._analysis.check_rates()
        for camera in self._fleet.all() if self._clients else ():
            self._send("stats", camera.config.id, stats_json(camera_stats(camera, self._analysis)))

    def _arm_findings(self) -> None:
        if self._findings_timer is None:
            wait_s = max(0.0, self._findings_sent_s + FINDINGS_PERIOD_S - time.monotonic())
            self._findings_timer = self._loop.call_later(wait_s, self._send_findings)

    def _send_findings(self) -> None:
        self._findings_timer = None
        self._findings_sent_s = time.monotonic()
        fresh, self._fresh = self._fresh, set()
        for camera_id in fresh:
            findings = list(self._analysis.newest(camera_id).values())
            is_nothing = not any(found.detections or found.measures for found in findings)
            if is_nothing and camera_id in self._said_nothing:
                continue
            (self._said_nothing.add if is_nothing else self._said_nothing.discard)(camera_id)
            self._send("findings", camera_id, {"findings": findings_json(findings)})

    def _send_status(self, camera_id: str) -> None:
        if not self._clients:
            return
        try:
            camera = self._fleet.get(camera_id)
        except NotFound:
            return
        self._send("camera", camera_id, status_json(camera.status()))

    def _send(self, kind: str, camera_id: str, data: dict[str, Any], number: int | None = None) -> None:
        if not self._clients:
            return
        line = _line(kind, camera_id, data)
        key = (kind, camera_id) if number is None else (kind, number)
        for client in self._clients:
            client.put(key, line)


def _line(kind: str, camera_id: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "camera": camera_id, "data": data}, separators=(",", ":")).encode() + b"\n"
