"""HLS streams. Our own HTTP client fetches playlists and segments, so that the address policy holds for each of them."""

import threading
from collections.abc import Iterator
from typing import Any

from sightline.live.sources.container import ContainerPlan, ContainerSource, open_container
from sightline.live.sources.http_client import HttpClient
from sightline.live.sources.http_file import HttpFile
from sightline.live.sources.source import Captured, ClosingSource
from sightline.media.address import CheckedAddress
from sightline.media.source_options import SourceOptions


def open_hls(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> "HlsSource":
    """Open an HLS playlist."""
    client = HttpClient(checked, verify_tls=options.verify_tls)

    def io_open(url: str, _flags: int, _options: dict[str, Any]) -> HttpFile:
        return HttpFile(client, client.get(url), url)

    wanted = {"protocol_whitelist": "http,https,tcp,tls,crypto,file", "http_persistent": "0", "max_reload": "20"}
    plan = ContainerPlan("hls", "hls", wanted, is_live=False, io_open=io_open)
    try:
        url = checked.address.url(with_credentials=False)
        return HlsSource(client, open_container(HttpFile(client, client.get(), url), plan, stop))
    except BaseException:
        client.close()
        raise


class HlsSource(ClosingSource):
    """Pictures of an HLS stream, spread out evenly: segments arrive seconds at a time."""

    def __init__(self, client: HttpClient, inner: ContainerSource) -> None:
        self._client = client
        self._inner = inner
        self.info = inner.info

    def close(self) -> None:
        self._inner.close()
        self._client.close()

    def __iter__(self) -> Iterator[Captured]:
        return iter(self._inner)
