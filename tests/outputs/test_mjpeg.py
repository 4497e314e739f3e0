"""MJPEG fan-out over real sockets, with pictures made by the test."""

import asyncio
import re
import socket
import threading

import pytest
from aiohttp import web

from sightline.live.hub import Hub, Shot
from sightline.media.packet import Packet, Rendition
from sightline.outputs.mjpeg import MjpegOutput, Part
from tests.live_fakes import frame, picture


class Bench:
    """A server with one hub; `publish` pushes a picture to its viewers."""

    def __init__(self, drop_after_s):
        self.hub = Hub("cam", lambda: None)
        self.output = MjpegOutput(drop_after_s)
        self.seq = 0
        self.handlers = 0
        self.is_publishing = False

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/", self.handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.is_publishing = False
        self.hub.close()
        await self.runner.cleanup()

    async def handle(self, request):
        self.handlers += 1
        try:
            return await self.output.serve(request, self.hub, Rendition())
        finally:
            self.handlers -= 1

    def publish(self, size_px=(64, 48)):
        self.seq += 1
        noise = picture(self.seq % 200, size_px)
        noise[::2, ::3] ^= 0xFF  # large files, so that a stuck viewer's buffers fill soon
        self.hub.publish("processed", Shot(frame(self.seq, size_px=size_px), noise))

    async def publish_forever(self, size_px=(640, 480)):
        self.is_publishing = True
        while self.is_publishing:
            self.publish(size_px)
            await asyncio.sleep(0.002)

    async def connect(self, version="1.1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        writer.write(f"GET / HTTP/{version}\r\nHost: test\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        return head, reader, writer

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)


def on_bench(drop_after_s=30.0):
    """Run the decorated coroutine with a bench of its own."""

    def decorate(scenario):
        def run():
            async def play():
                async with Bench(drop_after_s) as bench:
                    await scenario(bench)

            asyncio.run(play())

        run.__name__, run.__doc__ = scenario.__name__, scenario.__doc__
        return run

    return decorate


async def next_seq(reader):
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        while "X-Sequence" not in head:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(re.search(r"Content-Length: (\d+)", head)[1]))
        return int(re.search(r"X-Sequence: (\d+)", head)[1])


def test_a_part_says_all_about_its_picture():
    part = Part(Packet(b"JPEG", 7, 1, 123456789, 1700000000.25))
    assert part.data == (
        b"Content-Type: image/jpeg\r\nContent-Length: 4\r\nX-Timestamp: 1700000000.250000\r\nX-Sequence: 7\r\n"
        b"X-Captured-Ns: 123456789\r\n\r\nJPEG\r\n--frame\r\n"
    )
    size, chunk = part.chunk.split(b"\r\n", 1)
    assert chunk == part.data + b"\r\n"
    assert int(size, 16) == len(part.data)


@on_bench()
async def test_viewers_of_one_rendition_share_one_subscription(bench):
    connections = [await bench.connect() for _ in range(5)]
    await bench.until(lambda: bench.hub.viewers == 5)
    assert len(next(iter(bench.hub._encoders.values())).subscribers) == 1
    bench.publish()
    assert {await next_seq(reader) for _, reader, _ in connections} == {1}
    for _, _, writer in connections:
        writer.close()
    await bench.until(lambda: not bench.hub.is_watched)
    assert bench.handlers == 0


@on_bench()
async def test_a_late_viewer_gets_the_newest_picture_at_once(bench):
    _, early, writer = await bench.connect()
    await bench.until(lambda: bench.hub.is_watched)
    bench.publish()
    assert await next_seq(early) == 1
    _, late, late_writer = await bench.connect()
    assert await next_seq(late) == 1
    writer.close()
    late_writer.close()


@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", True), ("1.0", False)])
def test_old_and_new_http(version, is_chunked):
    @on_bench()
    async def play(bench):
        head, reader, writer = await bench.connect(version)
        assert ("chunked" in head) is is_chunked
        assert "multipart/x-mixed-replace; boundary=frame" in head
        await bench.until(lambda: bench.hub.is_watched)
        bench.publish()
        assert await next_seq(reader) == 1
        writer.close()

    play()


@on_bench(drop_after_s=0.5)
async def test_a_viewer_that_stops_reading_is_dropped_and_slows_nobody(bench):
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.setblocking(False)
    await asyncio.get_running_loop().sock_connect(stuck, ("127.0.0.1", bench.port))
    await asyncio.get_running_loop().sock_sendall(stuck, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    _, reader, writer = await bench.connect()
    await bench.until(lambda: bench.hub.viewers == 2)
    publishing = asyncio.create_task(bench.publish_forever())
    seen = [await next_seq(reader)]
    while bench.hub.viewers == 2:
        seen.append(await next_seq(reader))
    after = [await next_seq(reader) for _ in range(5)]
    assert bench.handlers == 1
    assert after[-1] > seen[-1] > seen[0]
    bench.is_publishing = False
    await publishing
    stuck.close()
    writer.close()


@on_bench(drop_after_s=60)
async def test_a_slow_viewer_skips_pictures_and_gets_fresh_ones(bench):
    _, reader, writer = await bench.connect()
    await bench.until(lambda: bench.hub.is_watched)
    stream = next(iter(bench.output._streams.values()))
    publishing = asyncio.create_task(bench.publish_forever())
    viewer = stream.viewers[0]
    await bench.until(lambda: viewer.skipped > 20)
    newest = bench.seq
    while await next_seq(reader) < newest:
        pass
    assert bench.hub.viewers == 1
    bench.is_publishing = False
    await publishing
    writer.close()


@on_bench()
async def test_the_end_of_the_camera_is_a_clean_end_of_the_stream(bench):
    _, reader, writer = await bench.connect()
    await bench.until(lambda: bench.hub.is_watched)
    bench.publish()
    assert await next_seq(reader) == 1
    bench.hub.close()
    async with asyncio.timeout(10):
        rest = await reader.readuntil(b"0\r\n\r\n")
    assert rest.endswith(b"0\r\n\r\n")
    writer.close()


@on_bench()
async def test_a_viewer_of_a_camera_that_is_gone_already_ends_too(bench):
    bench.hub.close()
    _, reader, writer = await bench.connect()
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
    writer.close()


@on_bench()
async def test_packets_from_other_threads_reach_the_loop(bench):
    _, reader, writer = await bench.connect()
    await bench.until(lambda: bench.hub.is_watched)
    thread = threading.Thread(target=bench.publish)
    thread.start()
    assert await next_seq(reader) == 1
    thread.join()
    writer.close()
