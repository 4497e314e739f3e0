"""The models that are loaded in this engine, and what happens when a weight file comes or goes.

Handlers run on the event loop; nothing in here blocks.
"""

import json
from typing import Any

from aiohttp import web

from sightline.analysis.scheduler import Analysis
from sightline.engine.fleet import Fleet
from sightline.errors import Invalid
from sightline.media.window import Summary
from sightline.vision.inference import Session, open_sessions


class LoadedModels:
    """The routes about models."""

    def __init__(self, fleet: Fleet, analysis: Analysis) -> None:
        self._fleet = fleet
        self._analysis = analysis

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/models", self.running), web.post("/models/changed", self.changed)]

    async def running(self, request: web.Request) -> web.Response:
        """By file: what runs it and how long a run takes; only what ran in the last seconds."""
        rows = ((session, session.cost_ms.summary()) for session in open_sessions())
        return web.json_response({"running": [_session_json(session, cost) for session, cost in rows if cost.count]})

    async def changed(self, request: web.Request) -> web.Response:
        """`{stages: [name]}`: make these stages anew: a file that they can use has come or gone."""
        names = _names(await request.read())
        self._analysis.reload(names)
        for camera in self._fleet.all():
            camera.runner.reload(names)
        return web.Response(status=204)


def _session_json(session: Session, cost: Summary) -> dict[str, Any]:
    return {
        "file": session.name, "backend": session.provider, "p50_ms": round(cost.p50, 2), "p95_ms": round(cost.p95, 2),
        "rate_hz": round(cost.rate_hz, 2),
    }  # fmt: skip


def _names(body: bytes) -> frozenset[str]:
    try:
        names = json.loads(body)["stages"]
    except (ValueError, KeyError, TypeError) as err:
        raise Invalid("The body must be {stages: [name, …]}.", code="bad_json", field="stages") from err
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("stages must be a list of names.", code="wrong_type", field="stages")
    return frozenset(names)
