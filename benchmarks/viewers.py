"""What a further viewer costs: 1, 10 and 50 viewers of one 720p30 rendition, against the naive loop in which each
encodes for itself.

`python -m benchmarks.viewers`
"""

import tempfile
from pathlib import Path

from benchmarks.footage import scaled, street_720p
from benchmarks.product import cpu_of, running, watch
from benchmarks.report import Figure, report
from benchmarks.servers import naive_loop

COUNTS = (1, 10, 50)
SECONDS = 8.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = scaled(street_720p(folder), 640, 360, 30)
        naive_rows, our_rows, encoders = [], [], [0]
        with naive_loop(clip, with_stages=False) as (url, process):
            for count in COUNTS:
                with cpu_of([process]) as cpu:
                    seen = watch(url, viewers=count, seconds=SECONDS)
                naive_rows.append((count, cpu["percent"], seen["fps_min"]))
        with running(folder) as product:
            product.play(str(clip))
            for count in COUNTS:
                with cpu_of(product.processes()) as cpu:
                    seen = watch(
                        product.engine_media_url(), header=product.engine_key_header, viewers=count, seconds=SECONDS,
                        halfway=lambda: encoders.append(product.encoders()),
                    )  # fmt: skip
                our_rows.append((count, cpu["percent"], seen["fps_min"]))
    report(
        "viewers",
        [
            Figure("CPU per picture delivered at 50 viewers", per_picture(our_rows[-1]), "% of a core per fps", "naive loop",
                   per_picture(naive_rows[-1]), "lower", 0.5),
            Figure("slowest of 50 viewers", our_rows[-1][2], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure("encoders while watched", max(encoders), "encoders", "one per rendition", 1.0, "lower", 1.0),
        ],
        {"ours (viewers, CPU %, slowest fps)": our_rows, "naive (viewers, CPU %, slowest fps)": naive_rows},
    )  # fmt: skip


def per_picture(row: tuple[int, float, float]) -> float:
    """CPU per delivered frame rate: the naive loop saturates, so CPU alone would flatter it."""
    count, cpu_percent, fps = row
    return cpu_percent / max(count * fps, 1e-9)


if __name__ == "__main__":
    main()
