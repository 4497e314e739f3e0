"""The engine's HTTP API. Handlers run on the event loop; whatever blocks goes to one of two thread pools.

Only our own web process (and nginx, for media) talks to it: people are authenticated there, not here.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from aiohttp import web

from sightline.analysis.scheduler import Analysis
from sightline.engine.answers import findings_json, snapshot_json, stats_json, status_json
from sightline.engine.cost_preview import CostPreview
from sightline.engine.feed import Feed
from sightline.engine.fleet import Fleet, read_config
from sightline.engine.loaded_models import LoadedModels
from sightline.engine.metrics import EngineCollector, frame_age_s, metrics_text
from sightline.errors import Invalid
from sightline.live.stats import camera_stats
from sightline.media.packet import Rendition, View
from sightline.media.stage import Resources, stages
from sightline.media.stage_json import stage_json
from sightline.outputs.mjpeg import MjpegOutput

Result = TypeVar("Result")

CONTROL_THREADS = 8
WAIT_THREADS = 32
"""Waiting for a first picture or probing a source holds a thread for up to 15 s."""
BODY_LIMIT_BYTES = 1_000_000


class Api:
    """The routes over one fleet."""

    def __init__(
        self,
        fleet: Fleet,
        analysis: Analysis,
        feed: Feed,
        collector: EngineCollector,
        examine: Callable[[str, dict[str, Any]], dict[str, Any]],
        resources: Resources,
        costs: CostPreview,
    ) -> None:
        self._fleet = fleet
        self._analysis = analysis
        self._feed = feed
        self._collector = collector
        self._examine = examine
        self._resources = resources
        self._costs = costs
        self._models = LoadedModels(fleet, analysis)
        self._mjpeg = MjpegOutput()
        self._control = ThreadPoolExecutor(CONTROL_THREADS, "control")
        self._waiting = ThreadPoolExecutor(WAIT_THREADS, "wait")
        self._started_s = time.monotonic()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.health),
            web.get("/cameras", self.list_cameras),
            web.get("/cameras/{id}", self.camera),
            web.put("/cameras/{id}", self.put_camera),
            web.delete("/cameras/{id}", self.delete_camera),
            web.post("/cameras/{id}/wait", self.wait_live),
            web.get("/cameras/{id}/stats", self.stats),
            web.post("/cameras/{id}/stats/reset", self.reset_stats),
            web.get("/cameras/{id}/findings", self.findings),
            web.get("/cameras/{id}/snapshot", self.snapshot),
            web.post("/cameras/{id}/track", self.track),
            web.delete("/cameras/{id}/track", self.untrack),
            web.post("/probe", self.probe),
            web.get("/stages", self.stages),
            web.get("/stage_costs", self.stage_costs),
            web.post("/stage_costs/measure", self.measure_stages),
            *self._models.routes(),
            web.get("/metrics", self.metrics),
            web.get("/feed", self._feed.serve),
            web.get("/media/{id}/mjpeg", self.mjpeg),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """Health is the age and the change of pictures, not that the process lives."""
        cameras = self._fleet.all()
        states = {
            camera.config.id: {
                "state": camera.status().state,
                "newest_frame_age_s": _rounded(frame_age_s(camera)),
                "is_frozen": camera.is_frozen,
            }
            for camera in cameras
        }
        is_well = all(camera.is_live or not camera.config.is_running or camera.status().state == "ended" for camera in cameras)
        body = {
            "status": "ok" if is_well else "degraded", "pid": os.getpid(), "uptime_s": round(time.monotonic() - self._started_s, 1),
            "cameras": states, "encoders": sum(camera.hub.encoders for camera in cameras),
        }  # fmt: skip
        return web.json_response(body)

    async def list_cameras(self, request: web.Request) -> web.Response:
        return web.json_response({"cameras": [status_json(camera.status()) for camera in self._fleet.all()]})

    async def camera(self, request: web.Request) -> web.Response:
        return web.json_response(status_json(self._fleet.get(request.match_info["id"]).status()))

    async def put_camera(self, request: web.Request) -> web.Response:
        config = read_config(request.match_info["id"], await _body(request))
        camera = await self._blocking(self._control, lambda: self._fleet.put(config))
        return web.json_response(status_json(camera.status()))

    async def delete_camera(self, request: web.Request) -> web.Response:
        camera_id = request.match_info["id"]
        await self._blocking(self._control, lambda: self._fleet.delete(camera_id))
        return web.Response(status=204)

    async def wait_live(self, request: web.Request) -> web.Response:
        camera = self._fleet.get(request.match_info["id"])
        timeout_s = _number(request, "timeout_s", 10.0, (0.0, 60.0))
        await self._blocking(self._waiting, lambda: camera.wait_live(timeout_s))
        return web.json_response(status_json(camera.status()))

    async def stats(self, request: web.Request) -> web.Response:
        return web.json_response(stats_json(camera_stats(self._fleet.get(request.match_info["id"]), self._analysis)))

    async def reset_stats(self, request: web.Request) -> web.Response:
        self._fleet.get(request.match_info["id"]).reset_counters()
        return web.Response(status=204)

    async def findings(self, request: web.Request) -> web.Response:
        camera = self._fleet.get(request.match_info["id"])
        newest = self._analysis.newest(camera.config.id)
        return web.json_response({"findings": findings_json(newest.values())})

    async def snapshot(self, request: web.Request) -> web.Response:
        camera = self._fleet.get(request.match_info["id"])
        view, quality = _view(request), int(_number(request, "quality", 92, (1, 100)))
        width_px = _width_px(request)
        snapshot = await self._blocking(self._control, lambda: camera.snapshot(view, quality, width_px))
        return web.json_response(snapshot_json(snapshot, base64.b64encode(snapshot.jpeg).decode()))

    async def track(self, request: web.Request) -> web.Response:
        camera = self._fleet.get(request.match_info["id"])
        body = await _body(request)
        camera.follow(_box(body), "processed" if body.get("view") == "processed" else "raw")
        return web.json_response({"tracking": True})

    async def untrack(self, request: web.Request) -> web.Response:
        self._fleet.get(request.match_info["id"]).follow(None)
        return web.Response(status=204)

    async def probe(self, request: web.Request) -> web.Response:
        body = await _body(request)
        source, options = body.get("source"), body.get("source_options", {})
        if not isinstance(source, str) or not isinstance(options, dict):
            raise Invalid("source must be text, source_options an object.", code="wrong_type", field="source")
        report = await self._blocking(self._waiting, lambda: self._examine(source, options))
        return web.json_response(report)

    async def stages(self, request: web.Request) -> web.Response:
        return web.json_response({"stages": [stage_json(info, self._resources) for info in stages()]})

    async def stage_costs(self, request: web.Request) -> web.Response:
        return web.json_response(self._costs.to_json())

    async def measure_stages(self, request: web.Request) -> web.Response:
        self._costs.measure_again()
        return web.json_response(self._costs.to_json(), status=202)

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=metrics_text(self._collector), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def mjpeg(self, request: web.Request) -> web.StreamResponse:
        camera = self._fleet.get(request.match_info["id"])
        return await self._mjpeg.serve(request, camera.hub, _rendition(request))

    async def _blocking(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def _rendition(request: web.Request) -> Rendition:
    query = request.query
    return Rendition(
        view=_view(request),
        width_px=_width_px(request),
        quality=int(_number(request, "quality", 80, (1, 100))),
        fps=_number(request, "fps", 0, (0.1, 120)) if query.get("fps") else None,
    )


def _width_px(request: web.Request) -> int | None:
    return int(_number(request, "width", 0, (16, 3840))) if request.query.get("width") else None


def _view(request: web.Request) -> View:
    view = request.query.get("view") or "processed"
    if view not in ("processed", "raw"):
        raise Invalid("view must be processed or raw.", code="wrong_value", field="view", allowed=["processed", "raw"])
    return cast(View, view)


def _number(request: web.Request, name: str, default: float, limits: tuple[float, float]) -> float:
    """A number of the query within `limits`, both included."""
    text = request.query.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not limits[0] <= value <= limits[1]:
        allowed = {"minimum": limits[0], "maximum": limits[1]}
        raise Invalid(f"{name} must lie between {limits[0]:g} and {limits[1]:g}.", code="out_of_range", field=name, allowed=allowed)
    return value


def _box(body: dict[str, Any]) -> tuple[float, float, float, float]:
    box = body.get("box")
    is_number = isinstance(box, list) and all(isinstance(edge, int | float) and not isinstance(edge, bool) for edge in box)
    if not is_number or len(cast(list[float], box)) != 4:
        raise Invalid("box must be [x1, y1, x2, y2] in pixels.", code="wrong_type", field="box")
    x1, y1, x2, y2 = (float(edge) for edge in cast(list[float], box))
    return x1, y1, x2, y2


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError as err:
        raise Invalid("The body is not JSON.", code="bad_json", field="body") from err
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.", code="wrong_type", field="body")
    return body


def _rounded(value: float | None) -> float | None:
    return round(value, 3) if value is not None else None
