"""A registry with only the stages of a test in it: `stages` is a fixture, to be imported by the test files that use it."""

from dataclasses import dataclass
from typing import Any

import pytest

import sightline.media.stage as stage_module
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, param, register
from tests.live_fakes import Adding, Looking


@dataclass(frozen=True)
class Amount:
    amount: int = param(1, "Amount", minimum=0, maximum=100)


class Stages:
    """Registers doubles and remembers the instances that were built from them."""

    def __init__(self) -> None:
        self.built: dict[str, list[Any]] = {}
        self.refuse: dict[str, Exception] = {}
        self.missing: dict[str, str] = {}

    def add(self, name: str, kind: str = "filter", **more: Any) -> None:
        def factory(params: Amount, resources: Resources) -> Any:
            if name in self.refuse:
                raise self.refuse[name]
            instance = Adding(params.amount) if kind == "filter" else Looking(name)
            self.built.setdefault(name, []).append(instance)
            return instance

        register(
            name, factory, kind=kind, label=name.title(), description="A double.", params=Amount,
            unavailable=lambda resources: self.missing.get(name), **more,
        )  # fmt: skip

    def newest(self, name: str) -> Any:
        return self.built[name][-1]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    monkeypatch.setattr(stage_module, "_registry", {})
    return Stages()


@pytest.fixture
def resources(tmp_path) -> Resources:
    return Resources(ModelStore(tmp_path))
