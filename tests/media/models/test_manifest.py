"""The manifest: that it is complete, true to the files it names, and refused when it is wrong."""

import csv
import hashlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import analyzers
from sightline.errors import AnalyzerError
from sightline.media.models import MANIFEST, Model, ModelStore, read_manifest
from sightline.media.stage import stages

ROOT = MANIFEST.parents[1]
KNOWN = read_manifest()
OWN_FILES = {"objects.onnx"}
"""A detector of the operator's own."""
HOSTS = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/", "https://raw.githubusercontent.com/", "https://huggingface.co/",
    "https://download.pytorch.org/models/",
)  # fmt: skip
GROUPS = {
    "Motion and camera", "People and faces", "Objects", "Zones and counting", "Scene and text", "Sound", "Privacy", "Picture",
    "Looks", "Views",
}  # fmt: skip


@pytest.mark.parametrize("text", ["", "[[model]]\nname = 'x'", "not toml [", "model = 3"])
def test_a_bad_manifest(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    with pytest.raises(AnalyzerError) as caught:
        read_manifest(path)
    assert caught.value.code == "bad_manifest"


def test_names_and_files_are_unique() -> None:
    entries = tomllib.loads(MANIFEST.read_text())["model"]
    assert len({m.name for m in KNOWN}) == len({m.file for m in KNOWN}) == len(KNOWN) == len(entries)
    assert not {m.name for m in KNOWN} & {m.file for m in KNOWN}


@pytest.mark.parametrize("model", KNOWN, ids=lambda model: model.name)
def test_every_entry_is_complete(model: Model) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", model.name)
    assert Path(model.file).name == model.file
    assert model.licence and model.purpose and model.input and model.task
    assert model.group in GROUPS
    assert model.is_extra == ("AGPL" in model.licence)
    if model.url:
        assert model.url.startswith(HOSTS)
        # An address that names a branch would one day give another file; torch names the beginning of the checksum instead.
        assert re.search(r"/[0-9a-f]{40}/", model.url) or f"-{model.sha256[:8]}." in model.url
    else:
        assert model.source
    if model.sha256:
        assert len(bytes.fromhex(model.sha256)) == 32 and model.sha256 == model.sha256.lower()
        assert model.bytes > 0
    else:
        assert model.bytes == 0 and not model.url


def test_every_stage_that_a_model_is_for_exists() -> None:
    analyzers.load()
    known = {info.name for info in stages()}
    assert {name: set(model.stages) - known for model in KNOWN for name in [model.name] if set(model.stages) - known} == {}


def test_every_weight_file_that_the_code_names_is_in_the_manifest() -> None:
    code = "".join(
        path.read_text() for folder in ("analyzers", "sightline/vision") for path in sorted((ROOT / folder).rglob("*.py"))
    )
    named = set(re.findall(r'"([\w.-]+\.(?:onnx|pb))"', code)) - OWN_FILES
    assert "yolox_nano.onnx" in named
    assert named - {model.file for model in KNOWN} == set()


def test_no_file_under_a_binding_licence_is_fetched_from_the_internet() -> None:
    assert [model.name for model in KNOWN if model.is_extra and model.url] == []


def test_what_comes_from_the_model_zoo_is_what_the_zoo_has(asset: Callable[[str], Path]) -> None:
    table = asset("weights").parents[1] / "opencv_zoo_models.csv"
    if not table.exists():
        pytest.skip("the list of the model zoo is not here")
    rows = list(csv.reader(table.read_text().splitlines()))
    commit = rows[0][0].rsplit("@", 1)[1]
    zoo = {path: (sha256, int(size), licence) for path, sha256, size, licence in rows[1:]}
    prefix = f"{HOSTS[0]}{commit}/"
    ours = [model for model in KNOWN if model.url.startswith(HOSTS[0])]
    assert len(ours) >= 15
    for model in ours:
        sha256, size, licence = zoo[model.url.removeprefix(prefix)]
        assert (model.sha256, model.bytes) == (sha256, size), model.name
        assert licence in ("?", model.licence), model.name


def test_what_is_tested_here_is_what_the_manifest_names(asset: Callable[[str], Path]) -> None:
    weights = asset("weights")
    here = [model for model in KNOWN if model.sha256 and (weights / model.file).exists()]
    assert {"yolov8n", "yolox_nano", "nanodet_m", "mobilefacenet", "osnet", "espcn_x2", "silero_vad"} <= {m.name for m in here}
    for model in here:
        data = (weights / model.file).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (model.sha256, model.bytes), model.name


def test_an_own_export_may_have_any_size() -> None:
    own = ModelStore(Path("none")).model("yolo11n")
    assert own.is_size(5) and not own.is_size(0)
