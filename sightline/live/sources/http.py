"""Cameras and files over HTTP: MJPEG streams, still pictures fetched again and again, video."""

import threading
import time
from collections.abc import Iterator

import cv2
import httpx
import numpy as np

from sightline.live.sources.av_faults import source_error
from sightline.live.sources.container import ContainerPlan, open_container
from sightline.live.sources.file import FILE_FORMATS
from sightline.live.sources.hls import open_hls
from sightline.live.sources.http_client import HttpClient, chunks
from sightline.live.sources.http_file import HttpFile
from sightline.live.sources.multipart import MultipartReader, NotMultipart, boundary_of, jpeg_pixels
from sightline.live.sources.source import PIXELS_LIMIT, Captured, ClosingSource, Source, SourceInfo
from sightline.media.address import CheckedAddress
from sightline.media.frame import BgrPicture
from sightline.media.source_options import SourceOptions

DEFAULT_STILLS_FPS = 2.0
STILL_LIMIT_BYTES = 32 * 1024 * 1024
BAD_PICTURES_LIMIT = 50
_PLAYLIST_TYPES = ("application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl")


def open_http(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> Source:
    """Open whatever the address gives; its Content-Type decides."""
    client = HttpClient(checked, verify_tls=options.verify_tls)
    try:
        response = client.get()
        content_type = response.headers.get("content-type", "").lower()
        if content_type.startswith("multipart/"):
            return MjpegSource(client, response, stop)
        if content_type.startswith("image/jpeg"):
            response.close()
            return StillsSource(client, options.fps or DEFAULT_STILLS_FPS, stop)
        if content_type.startswith(_PLAYLIST_TYPES):
            response.close()
            client.close()
            return open_hls(checked, options, stop)
        return _open_video(client, response, options, stop)
    except BaseException:
        client.close()
        raise


def _open_video(client: HttpClient, response: httpx.Response, options: SourceOptions, stop: threading.Event) -> Source:
    file = HttpFile(client, response)
    # Without a length it is a live stream, which comes at its own rate.
    is_live = file.size_bytes is None
    wanted = {"format_whitelist": FILE_FORMATS, "protocol_whitelist": "file"}
    try:
        return open_container(file, ContainerPlan("http", options=wanted, is_live=is_live, loop=options.loop and not is_live), stop)
    except BaseException:
        file.close()
        raise


class MjpegSource(ClosingSource):
    """Pictures of a multipart stream."""

    def __init__(self, client: HttpClient, response: httpx.Response, stop: threading.Event) -> None:
        self._client = client
        self._response = response
        self._stop = stop
        self.info = SourceInfo("http", "mjpeg", has_audio=False, has_b_frames=False)

    def close(self) -> None:
        self._response.close()
        self._client.close()

    def __iter__(self) -> Iterator[Captured]:
        reader = MultipartReader(boundary_of(self._response.headers.get("content-type", "")))
        bad = 0
        for data in chunks(self._response):
            if self._stop.is_set():
                return
            try:
                pictures = list(reader.feed(data))
            except NotMultipart as err:
                raise source_error("corrupt") from err
            for jpeg in pictures:
                picture = decode_jpeg(jpeg)
                bad = 0 if picture else bad + 1
                if bad > BAD_PICTURES_LIMIT:
                    raise source_error("corrupt")
                if picture:
                    yield Captured.now(picture, time.monotonic_ns(), is_keyframe=True)


class StillsSource(ClosingSource):
    """A camera that gives one still picture per request."""

    def __init__(self, client: HttpClient, fps: float, stop: threading.Event) -> None:
        self._client = client
        self._interval_s = 1 / fps
        self._stop = stop
        self.info = SourceInfo("http", "jpeg", fps=fps, has_audio=False, has_b_frames=False)

    def close(self) -> None:
        self._client.close()

    def __iter__(self) -> Iterator[Captured]:
        due_s = time.monotonic()
        while not self._stop.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + self._interval_s, time.monotonic())
            picture = decode_jpeg(self._fetch())
            if picture is None:
                raise source_error("corrupt")
            yield Captured.now(picture, time.monotonic_ns(), is_keyframe=True)

    def _fetch(self) -> bytes:
        body = bytearray()
        response = self._client.get()
        try:
            for data in chunks(response):
                body += data
                if len(body) > STILL_LIMIT_BYTES:
                    raise source_error("corrupt", "The picture is too large.")
        finally:
            response.close()
        return bytes(body)


def decode_jpeg(data: bytes) -> BgrPicture | None:
    """The picture in JPEG bytes, or None when they cannot be decoded or announce an absurd size."""
    if jpeg_pixels(data) > PIXELS_LIMIT:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else BgrPicture(image)  # type: ignore[arg-type]
