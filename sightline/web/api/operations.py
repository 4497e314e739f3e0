"""Health and metrics."""

from typing import Any

from flask import Response

from sightline.web.guard import maybe_identity
from sightline.web.metrics import CONTENT_TYPE
from sightline.web.schemas import resource
from sightline.web.services import services

api = resource("operations", __name__, "Health and metrics")


@api.get("/health")
def health() -> tuple[dict[str, Any], int]:
    """Is it well? 503 with the failing part named when not."""
    return services().health.summary(with_cameras=False)


@api.get("/health/")
def health_slash() -> tuple[dict[str, Any], int]:
    """The same as /health."""
    return services().health.summary(with_cameras=False)


@api.get("/api/health")
def api_health() -> tuple[dict[str, Any], int]:
    """The same as /health."""
    return services().health.summary(with_cameras=False)


@api.get("/health/detailed")
def detailed() -> tuple[dict[str, Any], int]:
    """Every part; with the age of each camera's newest picture for those who are logged in and see all cameras."""
    identity = maybe_identity()
    return services().health.summary(with_cameras=identity is not None and identity.cameras is None)


@api.get("/health/readiness")
def readiness() -> tuple[dict[str, Any], int]:
    """Database and engine answer: requests can be served."""
    return services().health.summary(with_cameras=False)


@api.get("/health/liveness")
def liveness() -> dict[str, Any]:
    """This process answers; nothing else is asked."""
    return services().health.alive()


@api.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def metrics() -> Response:
    """Prometheus metrics of the web server and the engines."""
    parts = services()
    return Response(parts.metrics.text(parts.engines), content_type=CONTENT_TYPE)
