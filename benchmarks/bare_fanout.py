"""The smallest MJPEG fan-out that can be written with aiohttp, as a baseline: JPEGs made beforehand, one shared bytes object per
frame, one event swapped in at each publish. `python -m benchmarks.bare_fanout CLIP PORT`
"""

import asyncio
import sys
import time

import cv2
import uvloop
from aiohttp import web

from benchmarks.naive import mjpeg_part


def jpegs(clip: str) -> list[bytes]:
    capture, encoded = cv2.VideoCapture(clip), []
    while (read := capture.read())[0]:
        encoded.append(cv2.imencode(".jpg", read[1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
    return encoded


class Fanout:
    def __init__(self, pictures: list[bytes]) -> None:
        self._pictures = pictures
        self._part = b""
        self._published = asyncio.Event()

    async def publish(self, _app: web.Application) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        seq, due = 0, time.monotonic()
        while True:
            jpeg = self._pictures[seq % len(self._pictures)]
            seq += 1
            self._part = mjpeg_part(jpeg, time.monotonic_ns(), seq)
            published, self._published = self._published, asyncio.Event()
            published.set()
            due += 1 / 30
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def feed(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        await response.prepare(request)
        while True:
            await self._published.wait()
            await response.write(self._part)


def main() -> None:
    fanout = Fanout(jpegs(sys.argv[1]))
    app = web.Application()
    app.on_startup.append(fanout.publish)
    app.router.add_get("/", fanout.feed)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
