"""Fetching: from a folder, a good server and bad ones; resumed, cancelled, on a full disk."""

import errno
import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from sightline.errors import AnalyzerError, Conflict, NotFound, StorageError
from sightline.media.models import ModelStore
from sightline.media.models import places as places_module
from sightline.media.models.transfer import Part, part_path
from tests.model_server import HALF, WEIGHTS, ModelServer, entry, write_manifest

Manifest = Callable[[str], Path]
FilesIn = Callable[[Path], list[str]]


def test_a_good_server(tmp_path: Path, server: ModelServer, manifest: Manifest, files_in: FilesIn) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/good/tiny.onnx"))
    seen: list[tuple[int, int]] = []
    path = store.fetch("tiny", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == WEIGHTS
    assert path.stat().st_mode & 0o777 == 0o644
    assert files_in(tmp_path / "models") == ["tiny.onnx"]
    assert seen[0] == (0, len(WEIGHTS))
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert store.find("tiny.onnx") == path


def test_what_is_here_is_not_fetched_again(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/moved/tiny.onnx"))
    store.fetch("tiny")
    store.fetch("tiny.onnx")
    assert server.asked == ["/moved/tiny.onnx", "/good/tiny.onnx"]


@pytest.mark.parametrize("damaged", [b"half", WEIGHTS[::-1]], ids=["size", "bytes"])
def test_a_damaged_file_is_replaced(tmp_path: Path, server: ModelServer, manifest: Manifest, damaged: bytes) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.onnx").write_bytes(damaged)
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/good/tiny.onnx"))
    assert store.fetch("tiny").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("missing", "does not have this file"),
        ("error", "answered 503"),
        ("wrong", "checksum is wrong"),
        ("truncated", "transfer from 127.0.0.1 failed|5000 of"),
        ("short", "5000 of 1024000"),
        ("long", "1024001 bytes instead of 1024000"),
        ("login", "19 bytes instead of"),
        ("endless", "longer than"),
        ("round", "transfer from 127.0.0.1 failed .TooManyRedirects"),
        ("stuck", "stopped answering"),
    ],
)
def test_a_bad_server_leaves_nothing_behind(
    tmp_path: Path,
    server: ModelServer,
    manifest: Manifest,
    files_in: FilesIn,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    words: str,
) -> None:
    monkeypatch.setattr(places_module, "READ_TIMEOUT_S", 0.5)
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/{way}/tiny.onnx"))
    with pytest.raises(AnalyzerError, match=words) as caught:
        store.fetch("tiny")
    assert caught.value.code == "model_fetch_failed"
    assert files_in(tmp_path / "models") == []
    assert store.find("tiny.onnx") is None


@pytest.mark.parametrize(
    "url", ["http://user:secret@127.0.0.1:1/tiny.onnx", "http://user:secret@no-such-host.invalid/tiny.onnx", "http://secret:[/x"]
)
def test_without_a_network_it_says_so_without_the_password(tmp_path: Path, manifest: Manifest, url: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        ModelStore(tmp_path / "models", manifest=manifest(url)).fetch("tiny")
    assert "secret" not in caught.value.message
    assert "online" in caught.value.message or "InvalidURL" in caught.value.message


def test_a_broken_transfer_goes_on_where_it_ended(
    tmp_path: Path, server: ModelServer, manifest: Manifest, files_in: FilesIn
) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/halves/tiny.onnx"))
    with pytest.raises(AnalyzerError):
        store.fetch("tiny")
    (part,) = files_in(tmp_path / "models")
    assert part.startswith("tiny.onnx.") and part.endswith(".part")
    assert store.find("tiny.onnx") is None
    arrived = (tmp_path / "models" / part).stat().st_size
    assert 0 < arrived <= HALF
    seen: list[int] = []
    assert store.fetch("tiny", lambda done, _total: seen.append(done)).read_bytes() == WEIGHTS
    assert server.ranges == ["", f"bytes={arrived}-"]
    assert seen[0] == arrived
    assert files_in(tmp_path / "models") == ["tiny.onnx"]


@pytest.mark.parametrize("way", ["stubborn", "mixed"])
def test_a_server_that_cannot_resume_starts_over(tmp_path: Path, server: ModelServer, manifest: Manifest, way: str) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/{way}/tiny.onnx"))
    with pytest.raises(AnalyzerError):
        store.fetch("tiny")
    assert store.fetch("tiny").read_bytes() == WEIGHTS


def test_what_arrived_of_another_edition_is_not_continued(tmp_path: Path, server: ModelServer) -> None:
    old = ModelStore(
        tmp_path / "models", manifest=write_manifest(tmp_path, entry(f"{server.url}/halves/tiny.onnx", data=b"x" * HALF * 2))
    )
    with pytest.raises(AnalyzerError):
        old.fetch("tiny")
    new = ModelStore(tmp_path / "models", manifest=write_manifest(tmp_path, entry(f"{server.url}/good/tiny.onnx")))
    assert new.fetch("tiny").read_bytes() == WEIGHTS


def test_the_next_place_goes_on_where_the_first_one_broke_off(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    store = ModelStore(
        tmp_path / "models", mirror_url=f"{server.url}/halves", manifest=manifest(f"{server.url}/halves/x/tiny.onnx")
    )
    assert store.fetch("tiny").read_bytes() == WEIGHTS
    assert server.asked == ["/halves/tiny.onnx", "/halves/x/tiny.onnx"]
    assert server.ranges[1].startswith("bytes=")


def test_the_mirror_folder_comes_first(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(WEIGHTS)
    store = ModelStore(tmp_path / "models", mirror, manifest=manifest(f"{server.url}/good/tiny.onnx"))
    assert store.find("tiny.onnx") == mirror / "tiny.onnx"
    assert store.fetch("tiny") == tmp_path / "models" / "tiny.onnx"
    assert server.asked == []


def test_the_mirror_url_comes_first(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    store = ModelStore(tmp_path / "models", mirror_url=f"{server.url}/good/", manifest=manifest(f"{server.url}/other/tiny.onnx"))
    assert store.fetch("tiny").read_bytes() == WEIGHTS
    assert server.asked == ["/good/tiny.onnx"]


def test_a_bad_mirror_is_no_hindrance(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(WEIGHTS[:-1])
    store = ModelStore(tmp_path / "models", mirror, manifest=manifest(f"{server.url}/good/tiny.onnx"))
    assert store.fetch("tiny").read_bytes() == WEIGHTS


def test_no_address_says_how_to_get_it(tmp_path: Path, manifest: Manifest, files_in: FilesIn) -> None:
    with pytest.raises(AnalyzerError, match="Make it yourself") as caught:
        ModelStore(tmp_path / "models", manifest=manifest("")).fetch("tiny")
    assert caught.value.code == "model_no_address"
    assert files_in(tmp_path / "models") == []


def test_an_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        ModelStore(tmp_path).fetch("../../etc/passwd")
    assert "yolox_nano" in caught.value.facts["allowed"]  # type: ignore[operator]


def test_a_binding_licence_needs_a_yes(tmp_path: Path, server: ModelServer) -> None:
    path = write_manifest(tmp_path, entry(f"{server.url}/good/tiny.onnx", is_extra=True))
    store = ModelStore(tmp_path / "models", manifest=path)
    with pytest.raises(Conflict, match="AGPL") as caught:
        store.fetch("tiny")
    assert (caught.value.code, server.asked) == ("licence_not_accepted", [])
    assert store.fetch("tiny", accept_licence=True).read_bytes() == WEIGHTS


def test_an_own_export_comes_from_the_mirror_unchecked(tmp_path: Path, server: ModelServer) -> None:
    server.files["tiny.onnx"] = b"an export of somebody's"
    path = write_manifest(tmp_path, entry("", is_own=True))
    store = ModelStore(tmp_path / "models", mirror_url=f"{server.url}/mirror", manifest=path)
    assert store.fetch("tiny").read_bytes() == b"an export of somebody's"


def test_a_folder_that_cannot_be_written(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/good/tiny.onnx"))
    with pytest.raises(StorageError) as caught:
        store.fetch("tiny")
    assert caught.value.code == "model_not_written"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_disk_without_room_is_said_before_anything_is_asked(
    tmp_path: Path, server: ModelServer, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9 - len(WEIGHTS) - 99, len(WEIGHTS) + 99))
    url = f"{server.url}/good/tiny.onnx"
    with pytest.raises(StorageError, match="no room") as caught:
        ModelStore(tmp_path / "models", manifest=manifest(url), reserve_bytes=100).fetch("tiny")
    assert (caught.value.code, server.asked) == ("disk_full", [])
    ModelStore(tmp_path / "models", manifest=manifest(url), reserve_bytes=99).fetch("tiny")


def test_a_disk_that_fills_up_keeps_nothing(
    tmp_path: Path, server: ModelServer, manifest: Manifest, files_in: FilesIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_part: Part, _piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Part, "_add", full)
    (tmp_path / "tiny.onnx").write_bytes(WEIGHTS)
    path = manifest(f"{server.url}/good/tiny.onnx")
    for mirror in (None, tmp_path):
        with pytest.raises(StorageError) as caught:
            ModelStore(tmp_path / "models", mirror, manifest=path).fetch("tiny")
        assert caught.value.code == "disk_full"
        assert files_in(tmp_path / "models") == []


def test_a_cancelled_fetch_keeps_nothing(tmp_path: Path, server: ModelServer, manifest: Manifest, files_in: FilesIn) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/slow/tiny.onnx"))
    cancelled = threading.Event()
    with pytest.raises(Conflict) as caught:
        store.fetch("tiny", lambda done, _total: cancelled.set() if done else None, is_cancelled=cancelled.is_set)
    assert caught.value.code == "model_cancelled"
    assert files_in(tmp_path / "models") == []


def test_the_same_file_is_not_fetched_twice_at_once(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/slow/tiny.onnx"))
    has_begun, done = threading.Event(), []
    first = threading.Thread(
        target=lambda: done.append(store.fetch("tiny", lambda arrived, _t: has_begun.set() if arrived else None))
    )
    first.start()
    assert has_begun.wait(20)
    with pytest.raises(Conflict) as caught:
        store.fetch("tiny")
    server.release.set()
    first.join()
    assert caught.value.code == "already_downloading"
    assert done[0].read_bytes() == WEIGHTS


def test_a_part_that_a_dead_fetch_left_is_taken_over(tmp_path: Path, server: ModelServer, manifest: Manifest) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/halves/tiny.onnx"))
    part = part_path(store.model("tiny"), tmp_path / "models")
    part.parent.mkdir()
    part.write_bytes(WEIGHTS[:1000])
    assert store.fetch("tiny").read_bytes() == WEIGHTS
    assert server.ranges == ["bytes=1000-"]


@pytest.mark.parametrize("left", [WEIGHTS + b"too much", WEIGHTS[::-1]], ids=["longer", "wrong"])
def test_a_part_that_cannot_be_right_is_thrown_away(tmp_path: Path, server: ModelServer, manifest: Manifest, left: bytes) -> None:
    store = ModelStore(tmp_path / "models", manifest=manifest(f"{server.url}/good/tiny.onnx"))
    part = part_path(store.model("tiny"), tmp_path / "models")
    part.parent.mkdir()
    part.write_bytes(left)
    assert store.fetch("tiny").read_bytes() == WEIGHTS


def test_verifying_and_removing(tmp_path: Path, server: ModelServer) -> None:
    path = write_manifest(tmp_path, entry(f"{server.url}/good/tiny.onnx"), entry("", "mine", is_own=True))
    store = ModelStore(tmp_path / "models", tmp_path / "mirror", manifest=path)
    assert store.verify("tiny") == "missing"
    target = store.fetch("tiny")
    assert store.verify("tiny") == "good"
    target.write_bytes(WEIGHTS[::-1])
    assert store.verify("tiny") == "damaged"
    (target.parent / "mine.onnx").write_bytes(b"mine")
    assert store.verify("mine") == "other"
    store.remove("tiny")
    assert store.verify("tiny") == "missing"
    with pytest.raises(NotFound) as caught:
        store.remove("tiny")
    assert caught.value.code == "model_not_here"


def test_the_mirror_folder_is_only_read(tmp_path: Path, manifest: Manifest) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(WEIGHTS)
    store = ModelStore(tmp_path / "models", mirror, manifest=manifest(""))
    with pytest.raises(Conflict) as caught:
        store.remove("tiny")
    assert caught.value.code == "model_in_mirror"
    assert hashlib.sha256((mirror / "tiny.onnx").read_bytes()).hexdigest() == store.model("tiny").sha256
