"""What one RTSP camera costs (720p30, motion detection on), with one viewer and with none, against Debian's `motion` daemon
(written in C) doing the same in the same run. `python -m benchmarks.camera_cost`
"""

import tempfile
import time
from pathlib import Path

from benchmarks.footage import repeated, street_720p
from benchmarks.product import cpu_of, running, watch
from benchmarks.report import Figure, report
from benchmarks.servers import motion_daemon, rtsp_camera

SECONDS = 20.0
SETTLE_S = 6.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = repeated(street_720p(folder), 60)
        with rtsp_camera(clip) as source:
            with motion_daemon(source, folder) as (url, process):
                time.sleep(SETTLE_S)
                with cpu_of([process]) as motion_alone:
                    time.sleep(SECONDS)
                with cpu_of([process]) as motion_watched:
                    watch(url, seconds=SECONDS, warmup=0.5)
                motion_mb = process.memory_info().rss / 1e6
            with running(folder) as product:
                product.play(source)
                product.options(motion_detection=True)
                time.sleep(SETTLE_S)
                encodes_before = product.call("GET", "/api/stats")["encodes_total"]
                with cpu_of(product.processes()) as ours_alone:
                    time.sleep(SECONDS)
                stats = product.call("GET", "/api/stats")
                with cpu_of(product.processes()) as ours_watched:
                    seen = watch(product.engine_media_url(), header=product.engine_key_header, seconds=SECONDS, warmup=0.5)
    report(
        "camera_cost",
        [
            Figure(
                "CPU with one viewer", ours_watched["percent"], "% of a core", "motion", motion_watched["percent"], "lower", 1.5
            ),
            Figure(
                "CPU with nobody watching", ours_alone["percent"], "% of a core", "motion", motion_alone["percent"], "lower", 1.5
            ),
            Figure("viewer rate", seen["fps_mean"], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure(
                "encodes while unwatched",
                stats["encodes_total"] - encodes_before,
                "encodes",
                "none (1 in the ratio)",
                1.0,
                "lower",
                0.0,
            ),
        ],
        {"motion, resident MB": round(motion_mb), "our source rate, fps": stats["source_fps"]},
    )


if __name__ == "__main__":
    main()
