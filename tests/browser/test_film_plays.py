"""The film of a showcase in the browser of operators: it plays, has its length, and can be wound."""

import pytest

from tests.clips import make_clip
from tests.jobs.job_kinds import office  # noqa: F401 - fixture
from tests.jobs.kinds.test_showcase_extras import tune
from tests.jobs.kinds.test_showcase_render import shot, studio  # noqa: F401 - fixture

PLAY = """async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  const happens = (name) => new Promise((done, fail) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", () => fail(new Error(video.error.message)), { once: true });
  });
  const canPlay = happens("canplay");
  // As one piece: what plays it in the product answers requests for parts, which the test has no server for.
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


@pytest.mark.parametrize(("shape", "size"), [("16:9", [320, 180]), ("9:16", [180, 320])])
def test_a_film_with_music_plays_in_chromium(studio, chromium, tmp_path, shape, size):  # noqa: F811
    files = [make_clip(tmp_path / "clip.mp4", 200), tune(tmp_path / "music.wav", 3.0)]
    shots = [shot(0, 0.0, 4.0, "kitchen", 0), shot(0, 4.0, 8.0, "living", 1)]
    job = studio.run(files, shots, shapes=[shape], shot_s=3.5)
    assert job.error is None
    film = studio.output(job, f"film_{shape.replace(':', 'x')}.mp4")
    page = chromium.new_page()
    page.route("http://127.0.0.1:9/film.html", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.route("http://127.0.0.1:9/film.mp4", lambda route: route.fulfill(path=film, content_type="video/mp4"))
    page.goto("http://127.0.0.1:9/film.html")
    told = page.evaluate(PLAY, "http://127.0.0.1:9/film.mp4")
    page.close()
    assert told["size"] == size
    assert told["duration_s"] == pytest.approx(6.5, abs=0.1)
    assert told["at_s"] == pytest.approx(3.0, abs=0.1)
    assert told["brightest"] > 60
