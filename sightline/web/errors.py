"""Every error as problem JSON (RFC 9457), from one table of statuses.

Installed by `app_factory`; runs in the request's thread. Views only raise; nothing else in `web` builds an error answer.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from sightline import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.SightlineError], int] = {
    errors.Invalid: 422,
    errors.Forbidden: 403,
    errors.Unauthenticated: 401,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.RateLimited: 429,
    errors.Unsupported: 415,
    errors.SourceError: 502,
    errors.AnalyzerError: 500,
    errors.JobError: 500,
    errors.StorageError: 503,
    errors.EngineUnavailable: 503,
    errors.SightlineError: 500,
}

STATUS_OF_CODE = {
    "bad_json": 400, "bad_header": 400, "tus_version": 412, "upload_busy": 423, "checksum_mismatch": 460, "disk_full": 507,
}  # fmt: skip
"""Codes whose status is more exact than that of their class."""
OWN_PHRASES = {460: "Checksum Mismatch"}
"""Of statuses that only the tus protocol knows."""

HTTP_WORDS = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take {method}."),
    413: ("too_large", "The request is larger than this address takes."),
    415: ("unsupported", "This address takes application/json."),
}
"""What a person reads for errors that the web server itself finds: status → code, detail."""


def status_of(err: errors.SightlineError) -> int:
    """The HTTP status of an error of our own tree."""
    for kind in type(err).__mro__:
        if kind in STATUS:
            return STATUS_OF_CODE.get(err.code, STATUS[kind])
    return 500


def problem(status: int, code: str, detail: str, facts: Mapping[str, object] | None = None) -> Response:
    """Build the one error answer: RFC 9457 members, plus `success` and `message`, plus the facts."""
    title = OWN_PHRASES.get(status) or HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": f"urn:sightline:problem:{code}", "title": title, "status": status, "detail": detail,
        "code": code, "success": False, "message": detail,
    }  # fmt: skip
    body |= {key: value for key, value in (facts or {}).items() if value is not None and key not in body}
    response = Response(json.dumps(body), status, mimetype="application/problem+json")
    retry_after_s = body.get("retry_after_s")
    if isinstance(retry_after_s, int | float):
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="sightline"'
    return response


def problem_of(err: errors.SightlineError) -> Response:
    """The answer to an error of our own tree."""
    return problem(status_of(err), err.code, err.message, err.facts)


def refuse_invalid(err: ValidationError) -> Response:
    """Turn what pydantic found into an Invalid that names the field and what is allowed. Never repeats the value."""
    first = err.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    allowed = {key: value for key, value in first.get("ctx", {}).items() if isinstance(value, str | int | float | bool | list)}
    if first["type"] == "extra_forbidden":
        raise errors.Invalid(f"There is no field {field!r} here.", code="unknown_field", field=field) from None
    raise errors.Invalid(
        f"{field}: {first['msg']}.", code=f"invalid_{first['type']}", field=field, allowed=allowed or None
    ) from None


def install(app: Flask) -> None:
    """Make every error of `app` a problem answer."""
    app.register_error_handler(errors.SightlineError, problem_of)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, _unexpected)


def _http_problem(err: HTTPException) -> Any:
    if err.code is None or err.code < 400:
        return err  # a redirect
    code, detail = HTTP_WORDS.get(err.code, (err.name.lower().replace(" ", "_"), err.description or err.name))
    answer = problem(err.code, code, detail.format(method=request.method))
    allowed = getattr(err, "valid_methods", None)
    if allowed:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


def _unexpected(_err: Exception) -> Response:
    log.exception("unexpected error in %s %s", request.method, request.path)
    return problem(500, "internal_error", "Something went wrong inside the server. Its log has the details.")
