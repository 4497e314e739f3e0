"""A body fetched over HTTP, readable by libav like a file; seeks by asking for a range."""

import io
from collections.abc import Iterator

import httpx

from sightline.live.sources.http_client import HttpClient, chunks

SKIP_LIMIT_BYTES = 256 * 1024
"""A short way forward is read over instead of asked for anew."""


class HttpFile:
    """Readable object for `av.open`. Used by one thread."""

    def __init__(self, client: HttpClient, response: httpx.Response, url: str | None = None) -> None:
        self.name = url or ""
        """libav takes the address of a playlist from here, to resolve what the playlist names."""
        self._client = client
        self._url = url
        self._response = response
        self._chunks: Iterator[bytes] = chunks(response)
        self._rest = b""
        self._position = 0
        length = response.headers.get("content-length", "")
        self.size_bytes = int(length) if length.isdigit() and "content-encoding" not in response.headers else None
        self._can_seek = self.size_bytes is not None and response.headers.get("accept-ranges", "").lower() == "bytes"

    def close(self) -> None:
        self._response.close()

    def read(self, wanted_bytes: int = -1) -> bytes:
        """At most `wanted_bytes` bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        size = len(self._rest) if wanted_bytes < 0 else wanted_bytes
        data, self._rest = self._rest[:size], self._rest[size:]
        self._position += len(data)
        return data

    def seekable(self) -> bool:
        return self._can_seek

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._can_seek or self.size_bytes is None:
            raise io.UnsupportedOperation("this stream cannot be searched")
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._go_to(max(0, min(start + offset, self.size_bytes)))
        return self._position

    def _go_to(self, position: int) -> None:
        ahead = position - self._position
        if 0 <= ahead <= len(self._rest):
            self._rest = self._rest[ahead:]
        elif 0 < ahead <= SKIP_LIMIT_BYTES:
            while self._position < position and self.read(position - self._position):
                continue
        elif self.size_bytes is not None and position < self.size_bytes:
            self._response.close()
            self._response = self._client.get(self._url, first_byte=position)
            self._chunks = chunks(self._response)
            self._rest = b""
        else:
            self._rest, self._chunks = b"", iter(())
        self._position = position
