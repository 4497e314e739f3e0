"""A server of weight files, and manifests that point to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.model_server import ModelServer, entry, running_server, write_manifest


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[str], Path]:
    """`manifest(url)`: one entry, `tiny`."""
    return lambda url: write_manifest(tmp_path, entry(url))


@pytest.fixture
def files_in() -> Callable[[Path], list[str]]:
    return lambda folder: sorted(path.name for path in folder.iterdir()) if folder.exists() else []
