import pytest

from sightline.analysis.foremost import foremost, public
from tests.live_fakes import found
from tests.live_stages import stages  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def registry(stages):  # noqa: F811
    stages.add("boxes", "analyzer")
    stages.add("tracks", "analyzer", reads="boxes")
    stages.add("regions", "analyzer", is_hidden=True)


def named(name, *boxes):
    return found(*boxes, pts_s=0.0, analyzer=name)


def test_an_interpreter_tells_it_better():
    told = [named("boxes", (0, 0, 9, 9)), named("tracks", (0, 0, 9, 9))]
    assert [f.analyzer for f in foremost(told)] == ["tracks"]


def test_what_it_says_nothing_about_stays():
    told = [named("boxes", (0, 0, 9, 9)), named("tracks")]
    assert [f.analyzer for f in foremost(told)] == ["boxes", "tracks"]


def test_hidden_analyzers_tell_their_filters_only():
    told = [named("boxes", (0, 0, 9, 9)), named("regions", (0, 0, 9, 9))]
    assert [f.analyzer for f in foremost(told)] == [f.analyzer for f in public(told)] == ["boxes"]
