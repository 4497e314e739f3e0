"""Prometheus metrics of the web process, followed by those of every engine. Called by request threads."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sightline.errors import EngineUnavailable
from sightline.web.engine_client import Engines

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts requests; one registry per app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "sightline_web_requests_total", "Answers by route and status.", ["endpoint", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "sightline_web_request_seconds", "Time until an answer began.", ["endpoint"], buckets=BUCKETS_S, registry=self._registry
        )
        self._engine_up = Gauge(
            "sightline_web_engine_up", "1 when that engine answered this scrape.", ["engine"], registry=self._registry
        )

    def install(self, app: Flask) -> None:
        """Count every answer of `app`."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def text(self, engines: Engines) -> str:
        """All metrics in Prometheus' text format."""
        theirs = []
        for index, engine in enumerate(engines.all):
            try:
                theirs.append(engine.text("/metrics"))
                self._engine_up.labels(str(index)).set(1)
            except EngineUnavailable:
                self._engine_up.labels(str(index)).set(0)
        return generate_latest(self._registry).decode() + "".join(theirs)

    def _begin(self) -> None:
        g.began_s = time.monotonic()

    def _end(self, response: Response) -> Response:
        # The endpoint and not the path: a scanner must not be able to make a label per address it tries.
        endpoint = request.endpoint or "none"
        self._requests.labels(endpoint, str(response.status_code)).inc()
        self._seconds.labels(endpoint).observe(time.monotonic() - g.get("began_s", time.monotonic()))
        return response
