"""Footage at an address of the web, read piece by piece from any byte on.

Connects only to addresses that the policy let through, and checks every redirect anew. Used by `gathering`, in the job's process.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote, urljoin

import httpx

from sightline.errors import Invalid, JobError, SourceError
from sightline.media.address import AddressPolicy, CheckedAddress, SourceAddress, parse_source

# Its lines at level INFO hold whole URLs, with their credentials.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
MOST_REDIRECTS = 5
AGENT = "Sightline"
PASSING = frozenset({408, 425, 429})
"""Refusals that do not last; as the server's own faults (5xx)."""
NAME_MAX_CHARS = 160


@dataclass(frozen=True, slots=True)
class Opened:
    """Footage that is being read."""

    begin_bytes: int
    """Where its pieces begin: where it was asked for, or 0 when it is another file by now."""
    size_bytes: int | None
    """Of the whole; None when nobody says."""
    version: str
    """Tells this content from later ones under the same address; empty: the server cannot go on in the middle."""
    pieces: Iterator[bytes]


def web_address(url: str) -> SourceAddress:
    """The address of a video on the web. Raises: Invalid (no http or https)."""
    address = parse_source(url)
    if address.scheme not in ("http", "https"):
        words = "The address of a video begins with https:// or http://."
        raise Invalid(words, code="bad_url", field="urls", allowed=["https", "http"])
    return address


def name_in(address: SourceAddress) -> str:
    """What people call the file: the last part of its path, without the query."""
    last = unquote(address.path.partition("?")[0].rstrip("/").rpartition("/")[2])
    return "".join(char for char in last if char.isprintable() and char not in '/\\"')[:NAME_MAX_CHARS] or address.host


class WebFootage:
    """The file at one address. Its messages name the file, never the address.

    Raises:
        JobError: from every method; transient when another try may help. Forbidden: the policy refuses an address.
    """

    def __init__(self, url: str, name: str, policy: AddressPolicy) -> None:
        self._address = web_address(url)
        self._name = name
        self._policy = policy

    @contextmanager
    def opened(self, begin_bytes: int, version: str) -> Iterator[Opened]:
        """Read it from `begin_bytes` on, if it is still the `version` of then; else from its beginning."""
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        # trust_env off: a proxy from the environment would connect to names that nobody checked.
        with httpx.Client(timeout=timeout, verify=_tls_context(), trust_env=False, follow_redirects=False) as client:
            part = {"Range": f"bytes={begin_bytes}-", "If-Range": version} if begin_bytes and version else {}
            response = self._answer(client, part)
            if response.status_code == 416:  # there is nothing behind what we have: begin anew
                response.close()
                response = self._answer(client, {})
            try:
                yield self._opened(response, begin_bytes if part else 0)
            finally:
                response.close()

    def _answer(self, client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
        """The answer behind all redirects."""
        address = self._address
        for _ in range(MOST_REDIRECTS + 1):
            response = self._send(client, self._checked(address), headers)
            if not response.has_redirect_location:
                return response
            response.close()
            try:
                target = urljoin(address.url(with_credentials=False), response.headers["location"])
                address = replace(web_address(target), username="", password="")
            except (Invalid, ValueError) as err:
                raise self._error("leads to an address that is none", "url_refused") from err
        raise self._error("leads from one address to the next without end", "url_refused")

    def _checked(self, address: SourceAddress) -> CheckedAddress:
        try:
            return self._policy.check(address)
        except SourceError as err:
            raise self._error(f"cannot be fetched: there is no machine named {address.host}", "url_unreachable", True) from err

    def _send(self, client: httpx.Client, checked: CheckedAddress, headers: dict[str, str]) -> httpx.Response:
        address = checked.address
        own = self._address
        is_own = (address.scheme, address.host, address.port) == (own.scheme, own.host, own.port)
        auth = httpx.BasicAuth(own.username, own.password) if own.has_credentials and is_own else None
        host = address.url(with_credentials=False).split("/", 3)[2]
        fixed = {"Host": host, "User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        request = client.build_request(
            "GET", address.url(checked.ips[0], with_credentials=False), headers={**fixed, **headers},
            extensions={"sni_hostname": address.host},
        )  # fmt: skip
        try:
            return client.send(request, stream=True, auth=auth)
        except httpx.HTTPError as err:
            raise self._from_httpx(err) from err

    def _opened(self, response: httpx.Response, begin_bytes: int) -> Opened:
        status = response.status_code
        if status not in (200, 206):
            raise self._refusal(status)
        length = response.headers.get("content-length", "")
        size_bytes = int(length) if length.isdigit() else None
        if status == 200:
            return Opened(0, size_bytes, _version(response), self._pieces(response))
        begins, _, whole = response.headers.get("content-range", "").removeprefix("bytes ").partition("/")
        if begins.partition("-")[0] != str(begin_bytes):
            raise self._error("came in another part than was asked for", "url_refused")
        return Opened(begin_bytes, int(whole) if whole.isdigit() else None, _version(response), self._pieces(response))

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_raw()
        except httpx.HTTPError as err:
            raise self._from_httpx(err) from err

    def _refusal(self, status: int) -> JobError:
        if status in PASSING or status >= 500:
            return self._error(f"cannot be fetched just now (HTTP status {status})", "url_unreachable", True)
        if status in (404, 410):
            return self._error("is not there (any more). Check the address", "url_not_found")
        if status in (401, 403):
            words = f"may not be fetched (HTTP status {status}). The link may have expired, or needs a login; get a new one"
            return self._error(words, "url_refused")
        return self._error(f"cannot be fetched (HTTP status {status}). Check the address", "url_refused")

    def _from_httpx(self, err: httpx.HTTPError) -> JobError:
        if isinstance(err, httpx.ConnectError) and "CERTIFICATE" in str(err).upper():
            return self._error("cannot be fetched: no known authority has signed the server's certificate", "url_refused")
        reason = "the server does not answer" if isinstance(err, httpx.TimeoutException) else "the connection broke off"
        return self._error(f"cannot be fetched: {reason}", "url_unreachable", True)

    def _error(self, words: str, code: str, is_transient: bool = False) -> JobError:
        return JobError(f"{self._name} {words}.", code=code, is_transient=is_transient, input=self._name)


def _version(response: httpx.Response) -> str:
    tag: str = response.headers.get("etag", "")
    # Weak tags may not stand in If-Range.
    return tag if tag.startswith('"') else str(response.headers.get("last-modified", ""))


@lru_cache
def _tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
