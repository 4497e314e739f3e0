"""Analyzers and filters are made anew when a weight file has come or gone."""

import pytest

from sightline.analysis.scheduler import Analysis
from sightline.live.chain_runner import ChainRunner
from sightline.media.chain import ChainSpec
from tests.analysis.test_scheduler import watch
from tests.live_fakes import frame, wait_for
from tests.live_stages import resources, stages  # noqa: F401 - fixtures


@pytest.fixture
def analysis(stages, resources):  # noqa: F811
    stages.add("boxes", "analyzer", rate_hz=1e6)
    stages.add("other", "analyzer", rate_hz=1e6)
    analysis = Analysis(resources, threads=2)
    yield analysis
    analysis.close()


def test_an_analyzer_is_made_anew_and_others_are_left_alone(analysis, stages):  # noqa: F811
    watch(analysis, "cam", "boxes", "other")
    analysis.submit(frame(1))
    wait_for(lambda: len(analysis.newest("cam")) == 2, "first findings")
    before = stages.newest("boxes"), stages.newest("other")
    analysis.reload(["boxes", "unknown"])
    analysis.submit(frame(2))
    wait_for(lambda: {found.seq for found in analysis.newest("cam").values()} == {2}, "the second findings")
    assert stages.newest("boxes") is not before[0] and stages.newest("other") is before[1]


def test_an_analyzer_that_waits_for_its_file_does_not_wait_longer(analysis, stages):  # noqa: F811
    stages.missing["boxes"] = "The weights are not here."
    watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: analysis.reports("cam")[0].state == "unavailable", "the reason")
    del stages.missing["boxes"]
    analysis.reload(["boxes"])
    analysis.submit(frame(2))
    wait_for(lambda: analysis.reports("cam")[0].state == "ok", "the analyzer")


def test_a_filter_is_made_anew_before_the_next_frame(stages, resources):  # noqa: F811
    stages.add("plus")
    runner = ChainRunner("cam", resources, lambda *_news: None)
    runner.swap(ChainSpec.from_json({"stages": [{"name": "plus", "enabled": True}]}))
    runner.run(frame(1), "Camera", {})
    before = stages.newest("plus")
    runner.reload(["other"])
    runner.run(frame(2), "Camera", {})
    assert stages.newest("plus") is before
    runner.reload(["plus"])
    runner.run(frame(3), "Camera", {})
    assert stages.newest("plus") is not before
