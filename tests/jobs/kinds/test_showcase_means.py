"""By what a showcase looks: the best that is here, what is asked for by name, and what people are told of both."""

from dataclasses import fields
from pathlib import Path

import pytest

from sightline.errors import AnalyzerError
from sightline.jobs.contract import kinds
from sightline.jobs.kinds.showcase import means
from sightline.jobs.kinds.showcase.means import WAYS, choose, lesser_means, showcase_means
from sightline.jobs.kinds.showcase.params import ShowcaseParams
from sightline.media.models import ModelStore, read_manifest

NOTHING_LACKS = {"shots": "adaptive", "rooms": "objects", "motion": "dis", "duplicates": "hash"}


@pytest.fixture
def without_packages(monkeypatch):
    """None of the optional packages is installed, whatever this machine has."""
    monkeypatch.setattr(means, "missing_packages", lambda names: names)


@pytest.fixture
def with_packages(monkeypatch):
    monkeypatch.setattr(means, "missing_packages", lambda _names: ())


def test_with_nothing_here_the_last_way_is_taken(tmp_path, without_packages):
    store = ModelStore(tmp_path)
    assert {look: choose(look, "auto", store).name for look in NOTHING_LACKS} == NOTHING_LACKS
    assert choose("aesthetic", "auto", store).name == choose("technical", "auto", store).name == "measured"


def test_the_best_that_is_here_is_taken(tmp_path, with_packages):
    for ways in WAYS.values():
        for file in (file for way in ways for file in way.files):
            (tmp_path / file).touch()
    store = ModelStore(tmp_path)
    on_any_machine = {look: ways[0] for look, ways in WAYS.items() if not ways[0].wants_gpu}
    assert {look: choose(look, "auto", store) for look in on_any_machine} == on_any_machine


@pytest.mark.parametrize("has_gpu", [True, False])
def test_what_takes_minutes_on_a_processor_is_taken_of_its_own_accord_on_a_gpu_only(tmp_path, monkeypatch, has_gpu):
    monkeypatch.setattr(means, "has_gpu", lambda: has_gpu)
    (tmp_path / means.RAFT_FILE).touch()
    assert choose("motion", "auto", ModelStore(tmp_path)).name == ("raft" if has_gpu else "dis")
    assert choose("motion", "raft", ModelStore(tmp_path)).name == "raft"


@pytest.mark.parametrize(
    ("look", "wanted", "command"),
    [
        ("shots", "transnetv2", "pip install torch"), ("rooms", "clip", "fetch clip_vit_b_32"),
        ("rooms", "places365", "places365.onnx"), ("motion", "raft", f"fetch {means.RAFT_FILE}"),
        ("duplicates", "lpips", "fetch alexnet"),
    ],
)  # fmt: skip
def test_what_is_asked_for_by_name_and_is_not_here_names_the_command(tmp_path, without_packages, look, wanted, command):
    with pytest.raises(AnalyzerError) as caught:
        choose(look, wanted, ModelStore(tmp_path))
    assert caught.value.code == "model_missing" and command in caught.value.message


def test_half_of_the_files_are_not_enough(tmp_path, with_packages):
    (tmp_path / means.LPIPS_FILES[0]).touch()
    with pytest.raises(AnalyzerError, match=r"lpips_lin_v0\.1_alex\.pth is not on this machine"):
        choose("duplicates", "lpips", ModelStore(tmp_path))


def test_people_are_told_what_would_be_better_and_how_to_get_it(tmp_path, without_packages):
    told = {one.look: one for one in showcase_means(ModelStore(tmp_path))}
    assert told.keys() == {*WAYS, "objects"}
    for look, one in told.items():
        assert one.label and one.words and one.better, look
        assert all(better.gives and better.lacks and better.commands for better in one.better)
    assert told["rooms"].better[0].commands[1].endswith(f"fetch {means.CLIP_FILE}")


def test_what_is_here_has_nothing_better(asset, with_packages):
    store = ModelStore(Path("nowhere"), asset("weights"))
    told = {one.look: one for one in showcase_means(store)}
    assert told["technical"].words.startswith("BRISQUE") and not told["technical"].better
    assert told["shots"].way == "transnetv2" and not told["shots"].better
    assert told["objects"].words == "yolov8n.onnx" and not told["objects"].better


def test_a_job_says_what_was_told_by_simpler_means_unless_they_were_asked_for(tmp_path, without_packages):
    store = ModelStore(tmp_path)
    words = lesser_means(ShowcaseParams(), store)
    assert "Rooms: objects, sky and greenery, for lack of CLIP ViT-B/32" in words and "TransNetV2" in words
    asked = lesser_means(ShowcaseParams(shots_by="adaptive", rooms_by="objects", duplicates_by="hash"), store)
    assert "CLIP" not in asked and "TransNetV2" not in asked and "NIMA" in asked


def test_every_file_is_one_of_the_manifest():
    known = {model.file for model in read_manifest()}
    assert {file for ways in WAYS.values() for way in ways for file in way.files} <= known


def test_every_choice_of_the_parameters_is_a_way():
    choices = {spec.name: spec.metadata["choices"] for spec in fields(ShowcaseParams) if spec.name.endswith("_by")}
    for look, name in (("shots", "shots_by"), ("rooms", "rooms_by"), ("motion", "motion_by"), ("duplicates", "duplicates_by")):
        assert set(choices[name]) == {"auto", *(way.name for way in WAYS[look])}


def test_every_parameter_of_every_kind_is_used_by_a_stage():
    """One that no stage uses would change nothing when somebody changes it and tries again."""
    for kind in kinds():
        names = {spec.name for spec in fields(kind.params)}
        assert set().union(*(names if stage.uses is None else stage.uses for stage in kind.stages)) == names, kind.name
