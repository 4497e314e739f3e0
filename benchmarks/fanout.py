"""1,000 MJPEG viewers of one 640×360@30 rendition straight from the engine, against a bare aiohttp prototype of the same fan-out.

`python -m benchmarks.fanout [--viewers N]`
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.footage import scaled, street_720p
from benchmarks.product import cpu_of, free_port, running, watch
from benchmarks.report import Figure, report
from benchmarks.servers import program

SECONDS = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=1000)
    viewers = parser.parse_args().viewers
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    encoders: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = scaled(street_720p(folder), 640, 360, 30)
        port = free_port()
        with program([sys.executable, "-m", "benchmarks.bare_fanout", str(clip), str(port)], port, folder / "bare.log"):
            bare = watch(f"http://127.0.0.1:{port}/", viewers=viewers, seconds=SECONDS, warmup=8)
        with running(folder) as product:
            product.play(str(clip))
            with cpu_of(product.processes()) as cpu:
                ours = watch(
                    product.engine_media_url(), header=product.engine_key_header, viewers=viewers, seconds=SECONDS, warmup=8,
                    halfway=lambda: encoders.append(product.encoders()),
                )  # fmt: skip
    report(
        "fanout",
        [
            Figure("slowest viewer", ours["fps_min"], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure("slowest viewer", ours["fps_min"], "fps", "bare aiohttp", bare["fps_min"], "higher", 0.97),
            Figure("frame age p99", ours["age_ms_p99"], "ms", "100 ms wanted", 100.0, "lower", 1.0),
            Figure("frame age p99", ours["age_ms_p99"], "ms", "bare aiohttp", bare["age_ms_p99"], "lower", 3.0),
            Figure("viewers lost", ours["lost"], "viewers", "none (1 allowed in the ratio)", 1.0, "lower", 0.0),
            Figure("encoders while watched", max(encoders), "encoders", "one per rendition", 1.0, "lower", 1.0),
        ],
        {"viewers": viewers, "CPU of all our processes, % of a core": round(cpu["percent"], 1)},
    )


if __name__ == "__main__":
    main()
