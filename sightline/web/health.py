"""Is it well? For people, load balancers and container runtimes. Called by request threads; asks, keeps nothing."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from sightline import __version__
from sightline.errors import SightlineError
from sightline.records.database import Database
from sightline.web.engine_client import Engine, Engines

ENGINE_TIMEOUT_S = 2.0
_started_at = time.monotonic()


class Health:
    """Looks at the parts that this process depends on."""

    def __init__(self, database: Database, engines: Engines) -> None:
        self._database = database
        self._engines = engines

    def alive(self) -> dict[str, Any]:
        """This process answers."""
        return {"status": "ok", "pid": os.getpid(), "uptime_s": round(time.monotonic() - _started_at, 1), "version": __version__}

    def summary(self, *, with_cameras: bool) -> tuple[dict[str, Any], int]:
        """Every part, and the HTTP status: 503 when one fails. A camera without a picture only degrades.

        Args:
            with_cameras: name the cameras; not for strangers.
        """
        parts: dict[str, Mapping[str, Any]] = {"database": self._part(self._ping_database)}
        cameras: dict[str, Any] = {}
        for index, engine in enumerate(self._engines.all):
            name = "engine" if len(self._engines.all) == 1 else f"engine_{index}"
            part = self._part(lambda engine=engine: _engine_health(engine))  # type: ignore[misc]
            cameras |= part.pop("cameras", {})
            parts[name] = part
        failing = sorted(name for name, part in parts.items() if part["status"] == "failing")
        is_degraded = any(part["status"] == "degraded" for part in parts.values())
        status = "failing" if failing else "degraded" if is_degraded else "ok"
        answer = {**self.alive(), "status": status, "failing": failing, "parts": parts}
        return (answer | ({"cameras": cameras} if with_cameras else {})), 503 if failing else 200

    def _ping_database(self) -> dict[str, Any]:
        self._database.ping()
        return {"status": "ok"}

    def _part(self, examine: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return examine()
        except SightlineError as err:
            return {"status": "failing", "message": err.message}


def _engine_health(engine: Engine) -> dict[str, Any]:
    answer = engine.call("GET", "/health", timeout_s=ENGINE_TIMEOUT_S)
    return {"status": "ok" if answer["status"] == "ok" else "degraded", "cameras": answer.get("cameras", {})}
