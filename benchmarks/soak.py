"""30 minutes of one RTSP camera with 10 unplug / replug cycles: how soon it is back, and whether memory, threads or
descriptors grow.

`python -m benchmarks.soak [--minutes 30] [--cycles 10]`. Run by hand: `make bench` leaves it out.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.footage import repeated, street_720p
from benchmarks.product import Product, free_port, running, wait_until
from benchmarks.recovery import state
from benchmarks.report import Figure, fail, report
from benchmarks.servers import rtsp_camera

UNPLUGGED_S = 20.0
WARM_UP_S = 60.0
DESCRIPTOR_LIMITS = {"engine": 1.0, "web": 1.5, "worker": 1.0}
"""Requests that overlap open a further database connection (two descriptors) of the web's pool, now and then."""


@dataclass(frozen=True, slots=True)
class Sample:
    rss_mb: float
    threads: int
    descriptors: int


def sample(product: Product) -> dict[str, Sample]:
    """What each process holds, by its name."""
    found = {}
    for process in product.processes():
        command = " ".join(process.cmdline())
        # Of gunicorn's two processes the one that serves is the child of the other.
        for name, mark in (("engine", "sightline.engine"), ("web", "gunicorn"), ("worker", "sightline.worker")):
            if mark in command:
                found[name] = Sample(process.memory_info().rss / 1e6, process.num_threads(), process.num_fds())
    if len(found) != 3:
        fail(f"only {sorted(found)} are there")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cycles", type=int, default=10)
    args = parser.parse_args()
    plugged_s = max(10.0, (args.minutes * 60 - WARM_UP_S) / args.cycles - UNPLUGGED_S)
    samples: list[dict[str, Sample]] = []
    recovered_s: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, port = repeated(street_720p(folder), 400), free_port()
        with running(folder) as product:
            with rtsp_camera(clip, port) as source:
                product.play(source)
                product.options(motion_detection=True, face_detection=True)
                with product.http.stream("GET", "/video_feed") as _viewer:
                    time.sleep(WARM_UP_S)
            samples.append(sample(product))
            for cycle in range(args.cycles):
                time.sleep(UNPLUGGED_S)
                with rtsp_camera(clip, port):
                    recovered_s.append(wait_until(lambda: state(product) == "live", 60, "the camera"))
                    time.sleep(plugged_s)
                    samples.append(sample(product))
                print(f"cycle {cycle + 1}: live again after {recovered_s[-1]:.1f} s, {samples[-1]['engine']}", flush=True)
    begin, end = samples[1], samples[-1]
    growth = [
        figure
        for name in begin
        for figure in (
            Figure(f"{name} memory, last cycle", end[name].rss_mb, "MB", "first cycle", begin[name].rss_mb, "lower", 1.05),
            Figure(f"{name} threads, last cycle", end[name].threads, "threads", "first cycle", begin[name].threads, "lower", 1.15),
            Figure(
                f"{name} descriptors, last cycle",
                end[name].descriptors,
                "open",
                "first cycle",
                begin[name].descriptors,
                "lower",
                DESCRIPTOR_LIMITS[name],
            ),
        )
    ]
    report(
        "soak",
        [
            Figure("slowest recovery after replug", max(recovered_s), "s", "10 s wanted", 10.0, "lower", 1.0),
            *growth,
        ],
        {"minutes": args.minutes, "engine memory by cycle, MB": [round(s["engine"].rss_mb) for s in samples]},
    )


if __name__ == "__main__":
    main()
