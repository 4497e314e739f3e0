"""Many MJPEG viewers in one process, cheap enough to measure a server with a thousand of them.

Runs as a process of its own (`python -m benchmarks.mjpeg_client URL ...`) and prints one JSON object: frames per second per viewer,
and over all viewers the age of frames: last byte received − captured, on the monotonic clock, from the header X-Captured-Ns.
"""

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit

import uvloop

from benchmarks.report import percentile

BUFFER_BYTES = 1 << 18
HEAD_END = b"\r\n\r\n"


class Viewer(asyncio.BufferedProtocol):
    """Reads parts without copying them: it looks at headers only and counts the bytes of each picture down."""

    def __init__(self, request: bytes, window: "Window") -> None:
        self._request = request
        self._window = window
        self._buffer = bytearray(BUFFER_BYTES)
        self._head = bytearray()
        self._body_left = 0
        self._captured_ns = 0
        self._seq = 0
        self._is_answered = False
        self.frames = 0
        self.ages_ms: list[float] = []
        self.seqs: list[int] = []
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        offset = 0
        while offset < nbytes:
            if self._body_left:
                taken = min(self._body_left, nbytes - offset)
                self._body_left -= taken
                offset += taken
                if not self._body_left:
                    self._picture_complete()
            else:
                offset = self._read_head(offset, nbytes)

    def _read_head(self, offset: int, nbytes: int) -> int:
        before = len(self._head)
        self._head += self._buffer[offset:nbytes]
        end = self._head.find(HEAD_END, max(0, before - len(HEAD_END)))
        if end < 0:
            return nbytes
        head, self._head = bytes(self._head[:end]), bytearray()
        if self._is_answered:
            self._read_part(head)
        else:
            self._check_answer(head)
        return offset + (end + len(HEAD_END) - before)

    def _check_answer(self, head: bytes) -> None:
        status = head.split(b"\r\n", 1)[0]
        if b" 200 " not in status + b" ":
            raise SystemExit(f"the server answered {status.decode(errors='replace')}")
        self._is_answered = True

    def _read_part(self, head: bytes) -> None:
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                self._body_left = int(value)
            elif name == b"X-Captured-Ns":
                self._captured_ns = int(value)
            elif name == b"X-Sequence":
                self._seq = int(value)

    def _picture_complete(self) -> None:
        now_ns = time.monotonic_ns()
        if self._window.contains(now_ns):
            self.frames += 1
            self.ages_ms.append((now_ns - self._captured_ns) / 1e6)
            self.seqs.append(self._seq)


class Window:
    """The stretch of time that is measured; the warm-up before it is not."""

    def __init__(self) -> None:
        self.start_ns = self.end_ns = 0

    def open(self, duration_s: float) -> None:
        self.start_ns = time.monotonic_ns()
        self.end_ns = self.start_ns + int(duration_s * 1e9)

    def contains(self, now_ns: int) -> bool:
        return self.start_ns <= now_ns < self.end_ns


def request_bytes(url: str, headers: list[str]) -> bytes:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc or 'engine'}", "Connection: keep-alive", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def watch(args: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    window = Window()
    parts = urlsplit(args.url)
    request = request_bytes(args.url, args.header)
    viewers: list[Viewer] = []
    for _ in range(args.viewers):
        viewer = Viewer(request, window)
        if args.unix:
            await loop.create_unix_connection(lambda v=viewer: v, args.unix)  # type: ignore[misc]
        else:
            await loop.create_connection(lambda v=viewer: v, parts.hostname, parts.port)  # type: ignore[misc]
        viewers.append(viewer)
    await asyncio.sleep(args.warmup)
    window.open(args.seconds)
    await asyncio.sleep(args.seconds)
    rates = [v.frames / args.seconds for v in viewers]
    ages = [age for v in viewers for age in v.ages_ms]
    return {
        "viewers": len(viewers),
        "lost": sum(v.is_lost for v in viewers),
        "fps_min": min(rates),
        "fps_mean": sum(rates) / len(rates),
        "age_ms_p50": percentile(ages, 50),
        "age_ms_p95": percentile(ages, 95),
        "age_ms_p99": percentile(ages, 99),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--unix", help="path of a Unix socket to connect to instead")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--warmup", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(watch(args))))


if __name__ == "__main__":
    main()
