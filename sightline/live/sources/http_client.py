"""HTTP for cameras: connects only to checked IP addresses, follows redirects itself, hop by hop, and never shows credentials.

Used by the HTTP and HLS sources and by the doctor, on the thread that reads the source.
"""

import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Self
from urllib.parse import urljoin

import httpx

from sightline.errors import Invalid, SightlineError, SourceError
from sightline.live.sources.av_faults import refused, source_error
from sightline.media.address import CheckedAddress, SourceAddress, parse_source

# Its lines at level INFO hold whole URLs, one for each HLS segment.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
REDIRECTS_LIMIT = 5
AGENT = "Sightline"


class HttpClient:
    """Fetches what belongs to one camera. Credentials go to the camera's own host and port only."""

    def __init__(self, checked: CheckedAddress, *, verify_tls: bool = True) -> None:
        if checked.policy is None:
            raise ValueError("an HTTP address needs the policy that checked it")
        self._checked = checked
        self._policy = checked.policy
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        # trust_env off: a proxy from the environment would connect to names that nobody checked.
        self._client = httpx.Client(timeout=timeout, verify=_tls_context(verify_tls), trust_env=False, follow_redirects=False)
        self._auth: httpx.Auth | None = None

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def get(self, url: str | None = None, *, first_byte: int = 0) -> httpx.Response:
        """Open `url` (default: the camera's own address) for streaming; the caller closes the response.

        Raises:
            SourceError: classified.
            Forbidden: a redirect or the URL itself leads to an address that the policy refuses.
        """
        checked = self._checked if url is None else self._policy.check(_web_address(url))
        for _ in range(REDIRECTS_LIMIT):
            try:
                response = self._send(checked, first_byte)
            except httpx.HTTPError as err:
                raise _from_httpx(err) from err
            if not response.is_redirect:
                return _accepted(response, self._checked.address)
            target = urljoin(checked.address.url(with_credentials=False), response.headers["location"])
            response.close()
            checked = self._policy.check(_web_address(target))
        raise source_error("not_found", "It redirects in circles.")

    def _send(self, checked: CheckedAddress, first_byte: int) -> httpx.Response:
        response = self._send_once(checked, first_byte, self._auth)
        if response.status_code == 401 and self._auth is None and self._is_own_host(checked.address):
            wanted = response.headers.get("www-authenticate", "").lower()
            response.close()
            self._auth = self._answer_to(wanted)
            if self._auth is not None:
                return self._send_once(checked, first_byte, self._auth)
        return response

    def _send_once(self, checked: CheckedAddress, first_byte: int, auth: httpx.Auth | None) -> httpx.Response:
        address = checked.address
        headers = {"Host": _host_header(address), "User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        if first_byte:
            headers["Range"] = f"bytes={first_byte}-"
        request = self._client.build_request(
            "GET", address.url(checked.ips[0], with_credentials=False), headers=headers,
            extensions={"sni_hostname": address.host},
        )  # fmt: skip
        is_own = self._is_own_host(address)
        return self._client.send(request, stream=True, auth=auth if is_own else None)

    def _is_own_host(self, address: SourceAddress) -> bool:
        own = self._checked.address
        return (address.scheme, address.host, address.port) == (own.scheme, own.host, own.port)

    def _answer_to(self, challenge: str) -> httpx.Auth | None:
        own = self._checked.address
        if not own.has_credentials:
            return None
        if "digest" in challenge:
            return httpx.DigestAuth(own.username, own.password)
        return httpx.BasicAuth(own.username, own.password)


@lru_cache
def _tls_context(is_verified: bool) -> ssl.SSLContext:
    # Reading all certificates of the authorities takes 0.1 s of computing time: once, not at every reconnect.
    return httpx.create_ssl_context(verify=is_verified, trust_env=False)


def chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body of `response` as it arrives. Raises: SourceError."""
    try:
        yield from response.iter_raw()
    except httpx.HTTPError as err:
        raise _from_httpx(err) from err


def _web_address(url: str) -> SourceAddress:
    try:
        address = parse_source(url)
    except Invalid as err:
        raise source_error("corrupt", "It refers to an address that cannot be read.") from err
    if address.scheme not in ("http", "https"):
        raise source_error("corrupt", "It refers to an address that is not HTTP.")
    return replace(address, username="", password="")


def _host_header(address: SourceAddress) -> str:
    return address.url(with_credentials=False).split("/", 3)[2]


def _accepted(response: httpx.Response, camera: SourceAddress) -> httpx.Response:
    status = response.status_code
    if status in (200, 206):
        return response
    response.close()
    if status in (401, 403):
        raise refused(camera.has_credentials)
    if 400 <= status < 500:
        raise source_error("not_found", f"(HTTP status {status})")
    raise source_error("unreachable", f"(HTTP status {status})")


def _from_httpx(err: httpx.HTTPError) -> SightlineError:
    if isinstance(err, httpx.ConnectTimeout):
        return source_error("unreachable")
    if isinstance(err, httpx.TimeoutException):
        return source_error("timeout")
    if isinstance(err, httpx.ConnectError):
        if "CERTIFICATE" in str(err).upper():
            return SourceError(
                "No known authority has signed the camera's certificate. Set the source option verify_tls to false to accept it.",
                code="unreachable",
            )
        return source_error("unreachable")
    if isinstance(err, httpx.RemoteProtocolError):
        return source_error("ended")
    return source_error("unreachable")
