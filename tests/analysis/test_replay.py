"""The same file in exact mode gives the same findings, twice."""

import itertools

import pytest

import analyzers
from sightline.analysis.replay import digest, replay
from sightline.errors import AnalyzerError
from sightline.media.chain import ChainSpec
from sightline.media.footage import frames_of
from sightline.media.models import ModelStore
from sightline.media.stage import Resources
from sightline.media.wanted import wanted_analyzers
from tests.clips import make_clip


def chain(**options):
    analyzers.load(entry_points=False)
    return wanted_analyzers(ChainSpec.default().with_options(options))


def test_every_frame_of_a_file_comes_once(tmp_path):
    frames = list(frames_of(make_clip(tmp_path / "a.mp4", frames=12)))
    assert [frame.seq for frame in frames] == list(range(1, 13))
    assert all(later.pts_ns > earlier.pts_ns for earlier, later in itertools.pairwise(frames))


def test_two_replays_of_a_file_are_equal(tmp_path, assets):
    wanted = chain(motion_detection=True, object_detection=True, face_detection=True, multi_object_tracking=True)
    resources = Resources(ModelStore(tmp_path, assets / "weights"))
    clip = assets / "video" / "intel_face-demographics-walking.mp4"

    def first(count):
        return (item for item, _ in zip(replay(clip, wanted, resources), range(count), strict=False))

    seen = list(first(12))
    assert all(set(item.findings) == set(wanted) for item in seen)
    assert any(found.detections for item in seen for found in item.findings.values())
    assert digest(iter(seen)) == digest(first(12))


def test_other_findings_have_another_digest(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=30)
    resources = Resources(ModelStore(tmp_path))
    coarse, fine = (chain(motion_detection=True, motion_detection_sensitivity=level) for level in (1, 100))
    assert digest(replay(clip, coarse, resources)) != digest(replay(clip, fine, resources))


def test_an_analyzer_that_fails_ends_the_replay(tmp_path):
    wanted = chain(object_detection=True, object_detection_model="yolox_nano")
    with pytest.raises(AnalyzerError, match="object_detection"):
        list(replay(make_clip(tmp_path / "a.mp4"), wanted, Resources(ModelStore(tmp_path))))
