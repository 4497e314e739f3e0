"""Every switch on at once, over a 720p30 file: the viewer keeps the camera's rate, and what cannot keep up says so.

`python -m benchmarks.every_switch`; weight files are taken from MODELS_MIRROR, or from the shared test footage.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.footage import ASSETS, street_720p
from benchmarks.product import Product, cpu_of, running, watch
from benchmarks.report import Figure, report

SECONDS = 20.0
SETTLE_S = 25.0
"""Models load and warm up one after another; what is measured is the running state."""
MORE = {"brightness": 10, "contrast": 1.2, "saturation": 1.1, "privacy_blur_people": True}
"""The sliders that are switches of their own, and what a switch leaves off by default."""
POINTS = {"shapes:zone": [[0.2, 0.3], [0.8, 0.3], [0.8, 0.9]], "shapes:line": [[0.1, 0.6], [0.9, 0.6]]}


def every_option(stages: list[dict[str, Any]]) -> dict[str, Any]:
    """All switches of stages that can run here, with a zone and a line where an analyzer counts."""
    runnable = [stage for stage in stages if stage["available"] and not stage["is_hidden"]]
    options: dict[str, Any] = {stage["name"]: True for stage in runnable if stage["has_switch"]}
    for stage in runnable:
        if stage["kind"] == "analyzer":
            drawn = {p["key"]: [{"name": "Here", "points": POINTS[p["editor"]]}] for p in stage["params"] if p["editor"] in POINTS}
            options |= drawn
    return options | MORE


def said_slower(product: Product) -> list[str]:
    """Stages that told that they fall behind."""
    events = product.call("GET", "/api/events?kind=analysis.slowed")["events"]
    return sorted({str(event["facts"].get("stage")) for event in events})


def main() -> None:
    weights = ASSETS / "weights"
    mirror = {"MODELS_MIRROR": str(weights)} if "MODELS_MIRROR" not in os.environ and weights.is_dir() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = street_720p(folder)
        with running(folder, COST_PREVIEW="0", **mirror) as product:
            product.play(str(clip))
            stages = product.call("GET", "/api/stages")["stages"]
            options = every_option(stages)
            product.options(**options)
            watch(product.engine_media_url(), header=product.engine_key_header, seconds=SETTLE_S)
            with cpu_of(product.processes()) as cpu:
                seen = watch(product.engine_media_url(), header=product.engine_key_header, seconds=SECONDS)
            stats = product.call("GET", "/api/stats")
            slower = said_slower(product)
    rows = stats["stages"]
    behind = [row for row in rows if row["kind"] == "analyzer" and row["state"] == "ok" and is_behind(row, stages)]
    silent = [row["name"] for row in behind if row["name"] not in slower]
    report(
        "every_switch",
        [
            Figure("viewer rate", seen["fps_mean"], "fps", "29 fps wanted", 29.0, "higher", 1.0),
            Figure("capture → last byte, p95", seen["age_ms_p95"], "ms", "120 ms wanted", 120.0, "lower", 1.0),
            Figure("analyzers that fall behind without saying so", len(silent), "", "one", 1.0, "lower", 0.0),
        ],
        {
            "switched on": f"{len(options)} options, {len(rows)} rows",
            "not running": {row["name"]: row["error"] for row in rows if row["state"] not in ("ok",)},
            "CPU": f"{cpu['percent']:.0f} % of a core",
            "filters, ms": {row["name"]: row["p50_ms"] for row in rows if row["kind"] != "analyzer"},
            "analyzers, Hz and ms": {row["name"]: (row["rate_hz"], row["p50_ms"]) for row in rows if row["kind"] == "analyzer"},
            "notices": {row["name"]: row["error"] for row in rows if row["state"] == "ok" and row["error"]},
            "said slower": slower,
            "at": time.strftime("%H:%M"),
        },
    )


def is_behind(row: dict[str, Any], stages: list[dict[str, Any]]) -> bool:
    """Whether an analyzer gives clearly fewer results than it should."""
    wanted = next((stage["rate_hz"] for stage in stages if stage["name"] == row["name"]), None)
    return wanted is not None and row["rate_hz"] < 0.5 * wanted and not any(s["name"] == row["name"] and s["reads"] for s in stages)


if __name__ == "__main__":
    main()
