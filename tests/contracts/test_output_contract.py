"""What every output of a camera must do: share encoders, never hold the camera up, let go, and end with the camera.

An output joins by a driver in OUTPUTS: how to connect a viewer, read one picture, stop reading, leave, and see the end.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from sightline.live.hub import Hub, Shot
from sightline.media.packet import Rendition
from sightline.outputs.mjpeg import MjpegOutput
from tests.live_fakes import frame, picture


@dataclass
class Mjpeg:
    """MJPEG over a real TCP connection."""

    hub: Hub
    runner: Any = None
    port: int = 0
    viewers: list[Any] = field(default_factory=list)

    async def open(self):
        output = MjpegOutput()

        async def serve(request):
            return await output.serve(request, self.hub, Rendition())

        app = web.Application()
        app.router.add_get("/", serve)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def close(self):
        for _, writer in self.viewers:
            writer.close()
        await self.runner.cleanup()

    async def join(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        self.viewers.append((reader, writer))
        return reader, writer

    async def read_seq(self, viewer):
        reader, _ = viewer
        head = b""
        while b"X-Sequence" not in head:
            head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
        return int(re.search(rb"X-Sequence: (\d+)", head)[1])

    async def leave(self, viewer):
        viewer[1].close()

    async def read_end(self, viewer):
        await viewer[0].readuntil(b"0\r\n\r\n")


OUTPUTS = [Mjpeg]


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def play(make_output, scenario):
    async def run():
        hub = Hub("cam", lambda: None)
        output = make_output(hub)
        await output.open()
        try:
            await asyncio.wait_for(scenario(hub, output), 30)
        finally:
            hub.close()
            await output.close()

    asyncio.run(run())


def publish(hub, seq, size_px=(64, 48)):
    hub.publish("processed", Shot(frame(seq, size_px=size_px), picture(seq % 250, size_px)))


@pytest.mark.parametrize("make_output", OUTPUTS)
class TestOutput:
    def test_all_viewers_get_the_picture_of_one_encoder(self, make_output):
        async def scenario(hub, output):
            viewers = [await output.join() for _ in range(10)]
            await until(lambda: hub.viewers == 10)
            publish(hub, 1)
            assert {await output.read_seq(viewer) for viewer in viewers} == {1}
            assert hub.encoders == 1
            assert hub.counters.cost_ms.total == 1

        play(make_output, scenario)

    def test_pictures_come_in_order_and_none_twice(self, make_output):
        async def scenario(hub, output):
            viewer = await output.join()
            await until(lambda: hub.is_watched)
            seen = []
            for seq in range(1, 20):
                publish(hub, seq)
                seen.append(await output.read_seq(viewer))
            assert seen == list(range(1, 20))

        play(make_output, scenario)

    def test_a_viewer_who_stops_reading_holds_nobody_up(self, make_output):
        async def scenario(hub, output):
            await output.join()
            reading = await output.join()
            await until(lambda: hub.viewers == 2)
            for seq in range(1, 60):
                publish(hub, seq, (640, 480))
                assert await output.read_seq(reading) == seq

        play(make_output, scenario)

    def test_when_the_last_viewer_leaves_nothing_is_wanted(self, make_output):
        async def scenario(hub, output):
            viewer = await output.join()
            await until(lambda: hub.is_watched)
            await output.leave(viewer)
            await until(lambda: not hub.is_watched)
            publish(hub, 1)
            assert hub.counters.cost_ms.total == 0

        play(make_output, scenario)

    def test_viewers_see_the_end_of_the_camera(self, make_output):
        async def scenario(hub, output):
            viewer = await output.join()
            await until(lambda: hub.is_watched)
            hub.close()
            await output.read_end(viewer)

        play(make_output, scenario)
