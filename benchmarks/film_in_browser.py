"""Films in the browser of operators: each is played, wound, and what it shows is read back. Needs Chromium."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there: the page and the film are answered by the test's own hand."""
PLAY = """async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  const happens = (name) => new Promise((done, fail) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", () => fail(new Error(video.error.message)), { once: true });
  });
  const canPlay = happens("canplay");
  // As one piece: what plays it in the product answers requests for parts, which there is no server for here.
  video.src = URL.createObjectURL(await (await fetch(url)).blob());
  document.body.append(video);
  await canPlay;
  await video.play();
  while (video.currentTime < 0.5) await happens("timeupdate");
  video.pause();
  const wound = happens("seeked");
  video.currentTime = 3.0;
  await wound;
  const shown = document.createElement("canvas").getContext("2d");
  shown.drawImage(video, 0, 0, 8, 8);
  const pixels = [...shown.getImageData(0, 0, 8, 8).data];
  return {
    duration_s: video.duration, at_s: video.currentTime, size: [video.videoWidth, video.videoHeight],
    brightest: Math.max(...pixels.filter((_, n) => n % 4 < 3)),
  };
}"""


def played(page: Page, film: Path) -> dict[str, Any]:
    """Play the beginning of a film and wind it to 3 s: its `duration_s`, `size`, where it is (`at_s`) and its `brightest` pixel.

    Raises:
        playwright.sync_api.Error: it cannot be played.
    """
    page.route(f"{NOWHERE}/film.html", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.route(f"{NOWHERE}/film.mp4", lambda route: route.fulfill(path=film, content_type="video/mp4"))
    page.goto(f"{NOWHERE}/film.html")
    told: dict[str, Any] = page.evaluate(PLAY, f"{NOWHERE}/film.mp4")
    return told


def films_that_play(films: Sequence[Path]) -> int:
    """How many of them Chromium plays and winds. Raises: playwright.sync_api.Error: one cannot be played."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        told = []
        for film in films:
            page = browser.new_page()
            told.append(played(page, film))
            page.close()
        browser.close()
    return sum(abs(one["at_s"] - 3.0) < 0.1 and one["brightest"] > 0 for one in told)
