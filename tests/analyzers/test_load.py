"""Registration of the built-in stages and of third parties'."""

import logging
import sys
import types
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import analyzers
from sightline.media import stage as registry


@pytest.fixture
def third_parties(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`third_parties(name=code)` installs packages, each with one module, for one test; the registry is put back after it."""
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    monkeypatch.setattr(analyzers, "_seen", set())
    monkeypatch.setattr(analyzers, "_broken", [])

    def install(**sources: str) -> None:
        points = []
        for name, source in sources.items():
            points.append(EntryPoint(name, f"third_{name}", analyzers.ENTRY_POINT_GROUP))
            finder = _Loader(f"third_{name}", source)
            monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
            monkeypatch.delitem(sys.modules, f"third_{name}", raising=False)
        monkeypatch.setattr(analyzers, "entry_points", lambda group: points)

    return install


class _Loader:
    """Imports one module from a string."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self) if name == self._name else None

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self._source, module.__dict__)


GOOD = """
from sightline.media.stage import NoParams, register
class Same:
    def apply(self, image, moment):
        return image.copy()
def make(params, resources):
    return Same()
register("same_again", make, kind="filter", label="Same", description="Changes nothing.")
"""


def test_loading_twice_changes_nothing() -> None:
    analyzers.load(entry_points=False)
    before = registry.stages()
    assert analyzers.load(entry_points=False) == analyzers.load(entry_points=False)
    assert registry.stages() == before


def test_a_third_partys_stage_is_registered(third_parties: Any) -> None:
    third_parties(good=GOOD)
    assert analyzers.load() == ()
    assert registry.stage("same_again").label == "Same"
    assert analyzers.load() == ()


def test_a_broken_package_is_listed_and_the_others_work(third_parties: Any, caplog: pytest.LogCaptureFixture) -> None:
    third_parties(broken="import no_such_module_anywhere", good=GOOD, thief=GOOD.replace("same_again", "grayscale"))
    with caplog.at_level(logging.ERROR):
        broken = analyzers.load()
    assert [package.name for package in broken] == ["broken", "thief"]
    assert "no_such_module_anywhere" in broken[0].reason
    assert "is taken by analyzers.grayscale" in broken[1].reason
    assert registry.stage("same_again")
    assert registry.stage("grayscale").factory.__module__ == "analyzers.grayscale"
    assert "package broken" in caplog.text
