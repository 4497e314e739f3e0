"""720p30 with grayscale, brightness, motion and faces on: what one viewer gets, against the naive loop on the same clip.

`python -m benchmarks.stages_720p`
"""

import tempfile
from pathlib import Path

from benchmarks.footage import street_720p
from benchmarks.product import cpu_of, running, watch
from benchmarks.report import Figure, report
from benchmarks.servers import naive_loop

SECONDS = 15.0
STAGES = {"grayscale": True, "brightness": 20, "motion_detection": True, "face_detection": True}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = street_720p(folder)
        with naive_loop(clip, with_stages=True) as (url, process), cpu_of([process]) as naive_cpu:
            naive = watch(url, seconds=SECONDS)
        with running(folder) as product:
            product.play(str(clip))
            product.options(**STAGES)
            with cpu_of(product.processes()) as our_cpu:
                ours = watch(product.engine_media_url(), header=product.engine_key_header, seconds=SECONDS)
            through_web = watch(
                f"{product.url}/video_feed", header=f"Authorization: {product.http.headers['Authorization']}", seconds=SECONDS
            )
            stats = product.call("GET", "/api/stats")
    report(
        "stages_720p",
        [
            Figure("viewer rate", ours["fps_mean"], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure("viewer rate", ours["fps_mean"], "fps", "naive loop", naive["fps_mean"], "higher", 1.0),
            Figure("capture → last byte, p95", ours["age_ms_p95"], "ms", "100 ms wanted", 100.0, "lower", 1.0),
            Figure("viewer rate through Flask", through_web["fps_mean"], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure("capture → last byte through Flask, p95", through_web["age_ms_p95"], "ms", "100 ms wanted", 100.0, "lower", 1.0),
            Figure("CPU of all processes", our_cpu["percent"], "% of a core", "naive loop", naive_cpu["percent"], "lower", 1.0),
        ],
        {"analysis": [(s["name"], s["rate_hz"], s["p50_ms"], s["p95_ms"]) for s in stats["stages"]]},
    )


if __name__ == "__main__":
    main()
