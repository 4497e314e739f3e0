"""What an operator waits for when something dies: the engine killed, a camera frozen, the whole product told to stop.

`python -m benchmarks.recovery`
"""

import os
import signal
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.footage import repeated, street_720p
from benchmarks.product import Product, free_port, running, wait_until
from benchmarks.report import Figure, fail, report
from benchmarks.servers import rtsp_server
from benchmarks.start import is_coloured, parts

LIMIT_S = 5.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, port = repeated(street_720p(folder), 20), free_port()
        with running(folder) as product, rtsp_server(clip, port) as (source, server):
            back_s = kill_engine(product)
            product.play(source)
            stalled_s, thawed_s = freeze(product, server.pid)
            left = product.processes()
            begin = time.monotonic()
            product.process.send_signal(signal.SIGTERM)
            product.process.wait(15)
            stopped_s = time.monotonic() - begin
            alive = [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    report(
        "recovery",
        [
            Figure("engine kill -9 → grey picture again at a viewer who stayed", back_s, "s", "5 s wanted", LIMIT_S, "lower", 1.0),
            Figure("camera frozen → reported as stalled", stalled_s, "s", "5 s wanted", LIMIT_S, "lower", 1.0),
            Figure("camera thawed → live", thawed_s, "s", "10 s wanted", 10.0, "lower", 1.0),
            Figure("SIGTERM → everything gone", stopped_s, "s", "5 s wanted", LIMIT_S, "lower", 1.0),
            Figure("processes left", len(alive), "processes", "none (1 in the ratio)", 1.0, "lower", 0.0),
        ],
    )


def kill_engine(product: Product) -> float:
    """Kill the engine under a viewer; seconds until the same connection brings a filtered picture again."""
    product.options(grayscale=True)
    with product.http.stream("GET", "/video_feed?width=320") as answer:
        stream = parts(answer)
        next(stream)
        os.kill(engine_of(product).pid, signal.SIGKILL)
        killed_ns = time.monotonic_ns()
        again = (picture for headers, picture in stream if is_newer(headers, killed_ns))
        if is_coloured(next(again)):
            fail("the options are lost: the picture is in colour again")
        return (time.monotonic_ns() - killed_ns) / 1e9


def is_newer(headers: dict[str, str], than_ns: int) -> bool:
    """Whether a part holds a picture that the engine took after that moment; the no-signal picture of the web process does not."""
    return int(headers.get("x-captured-ns", 0)) > than_ns and int(headers["x-sequence"]) > 0


def engine_of(product: Product) -> psutil.Process:
    return next(p for p in product.processes() if "sightline.engine" in p.cmdline())


def freeze(product: Product, pid: int) -> tuple[float, float]:
    """Stop and continue the camera's server; seconds until each shows in the camera's state."""
    os.kill(pid, signal.SIGSTOP)
    stalled_s = wait_until(lambda: state(product) == "stalled", 30, "the stall")
    os.kill(pid, signal.SIGCONT)
    return stalled_s, wait_until(lambda: state(product) == "live", 60, "the picture")


def state(product: Product) -> str:
    return str(product.call("GET", "/api/cameras/default")["state"])


if __name__ == "__main__":
    main()
