"""The command, and bringing everything that a mirror has."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sightline.errors import AnalyzerError, Conflict
from sightline.media.models import ModelStore
from sightline.media.models.__main__ import main
from sightline.media.models.command import run
from tests.model_server import WEIGHTS, ModelServer, entry, write_manifest


@pytest.fixture
def store(tmp_path: Path, server: ModelServer) -> ModelStore:
    """Four models; the mirror has three of them, one wrong."""
    path = write_manifest(
        tmp_path,
        entry(""),
        entry("", "bound", is_extra=True),
        entry("", "broken"),
        entry("", "absent"),
        entry("", "mine", is_own=True),
    )
    server.files |= {"tiny.onnx": WEIGHTS, "bound.onnx": WEIGHTS, "broken.onnx": WEIGHTS[::-1], "mine.onnx": b"mine"}
    return ModelStore(tmp_path / "models", mirror_url=f"{server.url}/mirror", manifest=path)


def test_sync_brings_what_the_mirror_has(store: ModelStore, files_in: Callable[[Path], list[str]]) -> None:
    report = store.sync()
    assert (report.brought, report.here, report.not_held, report.skipped) == (("tiny", "mine"), (), ("absent",), ("bound",))
    assert list(report.failed) == ["broken"] and "checksum" in report.failed["broken"]
    assert files_in(store.models_dir) == ["mine.onnx", "tiny.onnx"]
    again = store.sync(accept_licence=True)
    assert (again.brought, again.here) == (("bound",), ("tiny", "mine"))


def test_sync_from_a_folder(store: ModelStore, tmp_path: Path, files_in: Callable[[Path], list[str]]) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(WEIGHTS)
    local = ModelStore(tmp_path / "models", mirror, manifest=store.manifest)
    assert local.sync().brought == ("tiny",)
    assert files_in(tmp_path / "models") == ["tiny.onnx"]


def test_sync_from_a_server_that_answers_no_questions(store: ModelStore) -> None:
    mirror = replace(store, mirror_url=store.mirror_url.replace("/mirror", "/headless"))
    report = mirror.sync()
    assert report.brought == ("tiny", "mine") and "404" in report.failed["absent"]


def test_sync_without_a_mirror_or_with_a_dead_one(tmp_path: Path, store: ModelStore) -> None:
    with pytest.raises(Conflict, match="MODELS_MIRROR") as caught:
        ModelStore(tmp_path / "models", manifest=store.manifest).sync()
    assert caught.value.code == "no_mirror"
    dead = ModelStore(tmp_path / "models", mirror_url="http://127.0.0.1:1", manifest=store.manifest)
    with pytest.raises(AnalyzerError, match="cannot be reached"):
        dead.sync()


def test_the_command_does_it_all(store: ModelStore, capsys: pytest.CaptureFixture[str]) -> None:
    def says(*arguments: str) -> tuple[int, str]:
        status = run(list(arguments), store, "models")
        answer = capsys.readouterr()
        return status, answer.out + answer.err

    assert says("fetch", "tiny")[0] == 0
    assert says("verify", "tiny") == (0, "tiny\tgood\n")
    assert says("verify", "absent")[0] == 1
    status, words = says("fetch", "bound")
    assert status == 1 and "AGPL-3.0" in words
    assert says("fetch", "bound", "--accept-licence")[0] == 0
    status, words = says("sync")
    assert status == 1 and "1 brought, 2 here already, 1 not in the mirror" in words and "broken: " in words
    (store.models_dir / "bound.onnx").write_bytes(b"x")
    assert says("verify")[1].count("DAMAGED") == 0  # it has no public address: any export is as good
    assert says("remove", "tiny")[0] == 0
    assert says("remove", "tiny")[0] == 1
    assert "not here, no public address" in says("list")[1]
    assert says("dance")[0] == 2 and says()[0] == 2
    assert says("--help")[0] == 0


def test_the_module_runs_with_the_settings_of_the_environment(
    tmp_path: Path, asset: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("MODELS_MIRROR", str(asset("weights")))
    monkeypatch.setenv("DISK_RESERVE", "0")
    assert main(["list"]) == 0
    assert "yolox_nano" in capsys.readouterr().out
    assert main(["fetch", "yolox_nano"]) == 0
    assert os.listdir(tmp_path / "here") == ["yolox_nano.onnx"]
    assert main(["fetch", "no_such"]) == 1
    assert "no_such" in capsys.readouterr().err
    monkeypatch.setenv("MODELS_MIRROR", "s3://bucket/models")
    assert main(["list"]) == 0
    assert "python -m sightline.models" in capsys.readouterr().err
    monkeypatch.setenv("MODELS_MIRROR", "ftp://host/")
    assert main(["list"]) == 1
    assert "MODELS_MIRROR" in capsys.readouterr().err
