"""Cold start to the first picture, resident memory at rest, and how many frames a toggle takes to show.

`python -m benchmarks.start`
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import httpx
import numpy as np

from benchmarks.product import ROOT, Product, running
from benchmarks.report import Figure, report

TOGGLES = 20


def main() -> None:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as product:
        wait_for_picture(product)
        first_picture_s = time.monotonic() - product.started_s
        time.sleep(8)
        rss_mb = product.rss_bytes() / 1e6
        frames = [frames_until_gray(product) for _ in range(TOGGLES)]
    report(
        "start",
        [
            Figure("cold start → first picture", first_picture_s, "s", "6 s wanted", 6.0, "lower", 1.0),
            Figure("resident, all processes, demo camera idle", rss_mb, "MB", "700 MB wanted", 700.0, "lower", 1.0),
            Figure("toggle → picture, worst of 20", max(frames), "frames", "2 frames wanted", 2.0, "lower", 1.0),
        ],
        {
            "imports of the web process, ms": import_ms("sightline.web.app_factory"),
            "imports of the engine, ms": import_ms("sightline.engine.wiring"),
        },
    )


def wait_for_picture(product: Product) -> None:
    with product.http.stream("GET", "/video_feed") as answer:
        for part in parts(answer):
            if int(part[0].get("x-sequence", 0)) > 0:
                return


def frames_until_gray(product: Product) -> int:
    """Switch grayscale on while watching; count the frames captured after the answer up to the first grey one."""
    product.options(grayscale=False)
    with product.http.stream("GET", "/video_feed?width=320") as answer:
        stream = parts(answer)
        for _headers, picture in stream:
            if is_coloured(picture):
                break
        product.options(grayscale=True)
        answered_ns = time.monotonic_ns()
        count = 0
        for headers, picture in stream:
            count += int(headers["x-captured-ns"]) > answered_ns
            if not is_coloured(picture):
                return max(count, 1)
    raise SystemExit("the stream ended")


def is_coloured(jpeg: bytes) -> bool:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    return bool((image.max(axis=2) - image.min(axis=2)).mean() > 3)


def parts(answer: httpx.Response):  # type: ignore[no-untyped-def]
    """Yield headers (lower case) and bytes of each part of an MJPEG stream."""
    buffer = b""
    for chunk in answer.iter_raw():
        buffer += chunk
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            headers = {
                k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in buffer[:end].decode().split("\r\n"))
            }
            length = int(headers.get("content-length", 0))
            if len(buffer) < end + 4 + length:
                break
            yield headers, buffer[end + 4 : end + 4 + length]
            buffer = buffer[end + 4 + length :]


def import_ms(module: str) -> float:
    code = f"import time, json; t = time.monotonic(); import {module}; print(json.dumps((time.monotonic() - t) * 1000))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return round(float(json.loads(done.stdout.splitlines()[-1])))


if __name__ == "__main__":
    main()
