"""The film of a showcase in the browser of operators: it plays, has its length, and can be wound."""

import pytest

from benchmarks.film_in_browser import played
from tests.clips import make_clip
from tests.jobs.job_kinds import office  # noqa: F401 - fixture
from tests.jobs.kinds.test_showcase_extras import tune
from tests.jobs.kinds.test_showcase_render import shot, studio  # noqa: F401 - fixture


@pytest.mark.parametrize(("shape", "size"), [("16:9", [320, 180]), ("9:16", [180, 320])])
def test_a_film_with_music_plays_in_chromium(studio, chromium, tmp_path, shape, size):  # noqa: F811
    files = [make_clip(tmp_path / "clip.mp4", 200), tune(tmp_path / "music.wav", 3.0)]
    shots = [shot(0, 0.0, 4.0, "kitchen", 0), shot(0, 4.0, 8.0, "living", 1)]
    job = studio.run(files, shots, shapes=[shape], shot_s=3.5)
    assert job.error is None
    film = studio.output(job, f"film_{shape.replace(':', 'x')}.mp4")
    page = chromium.new_page()
    told = played(page, film)
    page.close()
    assert told["size"] == size
    assert told["duration_s"] == pytest.approx(6.5, abs=0.1)
    assert told["at_s"] == pytest.approx(3.0, abs=0.1)
    assert told["brightest"] > 60
