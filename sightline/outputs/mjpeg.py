"""MJPEG over HTTP: one stream of shared parts per rendition, fanned out to any number of viewers on the event loop.

The encoder thread hands over packets; each becomes one bytes object, headers included, which every viewer's transport is given
as it is. A viewer whose last part has not left yet is skipped, never queued; one that makes no progress for 30 s is dropped.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable

from aiohttp import HttpVersion11, web

from sightline.live.hub import Hub, Subscription
from sightline.media.packet import Packet, Rendition

log = logging.getLogger(__name__)

BOUNDARY = "frame"
DROP_AFTER_S = 30.0
UNSENT_LIMIT_BYTES = 128 * 1024
"""Bytes that the kernel may hold unsent for one viewer: more would be old pictures waiting in a queue we cannot see."""


class Viewer:
    """One HTTP connection that takes parts. Used on the event loop only."""

    def __init__(self, transport: asyncio.WriteTransport, is_chunked: bool) -> None:
        self._transport = transport
        self._is_chunked = is_chunked
        self._progress_s = time.monotonic()
        self._backlog_bytes = 0
        self.skipped = 0
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Ends with the reason: `closed` (by the viewer), `stuck`, `over` (the stream ended)."""

    def offer(self, part: "Part", drop_after_s: float) -> None:
        """Send `part` unless the one before has not left yet."""
        transport = self._transport
        if transport.is_closing():
            self.leave("closed")
            return
        backlog_bytes = transport.get_write_buffer_size()
        if backlog_bytes == 0:
            self._backlog_bytes, self._progress_s = 0, part.made_s
            transport.write(part.chunk if self._is_chunked else part.data)
            return
        self.skipped += 1
        if backlog_bytes < self._backlog_bytes or self._backlog_bytes == 0:
            self._progress_s = part.made_s
        self._backlog_bytes = backlog_bytes
        if part.made_s - self._progress_s > drop_after_s:
            self.leave("stuck")

    def leave(self, reason: str) -> None:
        if not self.gone.done():
            self.gone.set_result(reason)


class Part:
    """One picture as all viewers get it."""

    __slots__ = ("chunk", "data", "made_s")

    def __init__(self, packet: Packet) -> None:
        head = (
            f"Content-Type: image/jpeg\r\nContent-Length: {len(packet.data)}\r\n"
            f"X-Timestamp: {packet.wall_time_s:.6f}\r\nX-Sequence: {packet.seq}\r\nX-Captured-Ns: {packet.captured_ns}\r\n\r\n"
        )
        # The boundary of the next part closes this one: browsers show a picture only when they have seen it.
        self.data = b"%s%s\r\n--%s\r\n" % (head.encode(), packet.data, BOUNDARY.encode())
        self.chunk = b"%x\r\n%s\r\n" % (len(self.data), self.data)
        self.made_s = time.monotonic()


class Stream:
    """One rendition of one camera on its way to its viewers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, drop_after_s: float) -> None:
        self._loop = loop
        self._drop_after_s = drop_after_s
        self._newest: Part | None = None
        self._waiting: Packet | None = None
        self.viewers: list[Viewer] = []
        self.subscription: Subscription | None = None
        self.is_over = False

    def deliver(self, packet: Packet) -> None:
        """Take a packet from the encoder thread. While the loop is busy the newest wins."""
        is_scheduled = self._waiting is not None
        self._waiting = packet
        if not is_scheduled:
            self._call(self._publish)

    def end(self) -> None:
        """The camera is gone; called by the encoder thread."""
        self._call(self._finish)

    def add(self, viewer: Viewer) -> None:
        self.viewers.append(viewer)
        self._count()
        # The newest picture at once, if it is no older than a "no signal" picture may be.
        if self._newest is not None and time.monotonic() - self._newest.made_s < 1.5:
            viewer.offer(self._newest, self._drop_after_s)
        if self.is_over:
            viewer.leave("over")

    def remove(self, viewer: Viewer) -> None:
        self.viewers.remove(viewer)
        self._count()

    def _call(self, action: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            log.debug("The event loop has ended before its encoders")

    def _publish(self) -> None:
        packet, self._waiting = self._waiting, None
        if packet is None:
            return
        part = self._newest = Part(packet)
        for viewer in self.viewers:
            viewer.offer(part, self._drop_after_s)

    def _finish(self) -> None:
        self.is_over = True
        for viewer in self.viewers:
            viewer.leave("over")

    def _count(self) -> None:
        if self.subscription is not None:
            self.subscription.viewers = len(self.viewers)


class MjpegOutput:
    """All MJPEG streams of an engine. Lives on the event loop."""

    def __init__(self, drop_after_s: float = DROP_AFTER_S) -> None:
        self._drop_after_s = drop_after_s
        self._streams: dict[tuple[Hub, Rendition], Stream] = {}

    async def serve(self, request: web.Request, hub: Hub, rendition: Rendition) -> web.StreamResponse:
        """Answer `request` with the stream of `rendition` until the viewer leaves or the camera goes.

        Raises:
            Conflict: the camera is watched in too many renditions already.
        """
        hub.must_have_room(rendition)
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        _tune(transport)
        await response.write(f"--{BOUNDARY}\r\n".encode())
        viewer = Viewer(transport, request.version >= HttpVersion11)
        stream = self._stream(hub, rendition)
        stream.add(viewer)
        try:
            reason = await viewer.gone
        finally:
            stream.remove(viewer)
            if not stream.viewers:
                self._let_go(hub, rendition, stream)
        if reason == "stuck":
            log.info("A viewer of %s took nothing for %.0f s and is dropped", request.path, self._drop_after_s)
            transport.abort()
        return response

    def _stream(self, hub: Hub, rendition: Rendition) -> Stream:
        stream = self._streams.get((hub, rendition))
        if stream is None or stream.is_over:
            stream = self._streams[(hub, rendition)] = Stream(asyncio.get_running_loop(), self._drop_after_s)
            stream.subscription = hub.subscribe(rendition, stream)
        return stream

    def _let_go(self, hub: Hub, rendition: Rendition, stream: Stream) -> None:
        if self._streams.get((hub, rendition)) is stream:
            del self._streams[(hub, rendition)]
        if stream.subscription is not None:
            stream.subscription.close()


HEADERS = {
    "Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


def _tune(transport: asyncio.Transport) -> None:
    """Keep the kernel from queueing old pictures."""
    transport.set_write_buffer_limits(high=0)
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT_BYTES)
