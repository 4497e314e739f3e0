"""Fixtures of the tests of sources: an HTTP camera, and a policy that lets this machine through."""

from tests.http_camera import policy, web

__all__ = ["policy", "web"]
