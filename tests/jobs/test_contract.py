"""Kinds of jobs that other packages bring."""

import sys

import pytest

from benchmarks.tally import install_tally
from sightline.errors import Invalid
from sightline.jobs import contract
from sightline.jobs.contract import kind, kinds, make_job_params


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder in which Python finds packages; what was found before is forgotten, and this afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    contract._outside.cache_clear()
    yield tmp_path
    contract._outside.cache_clear()
    sys.modules.pop("sightline_tally", None)


def add_point(folder, name, value):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sightline.job_kinds]\n{name} = {value}\n")


def test_a_kind_of_another_package_comes_after_the_built_in_ones(packages):
    install_tally(packages)
    assert [known.name for known in kinds()] == [*contract.BUILTIN, "tally"]
    assert make_job_params(kind("tally"), {"number": 3}).number == 3


def test_a_package_that_cannot_be_loaded_keeps_nobody_else_out(packages, caplog):
    install_tally(packages)
    (packages / "broken_kind.py").write_text("raise RuntimeError('no luck')")
    (packages / "strange_kind.py").write_text("KIND = 7")
    add_point(packages, "broken", "broken_kind:KIND")
    add_point(packages, "strange", "strange_kind:KIND")
    assert kind("tally").label == "Tally"
    assert "broken could not be loaded" in caplog.text
    assert "strange_kind:KIND is no JobKind" in caplog.text


def test_a_package_cannot_take_a_built_in_name(packages):
    install_tally(packages)
    text = (packages / "sightline_tally.py").read_text().replace('JobKind("tally"', 'JobKind("analyze"')
    (packages / "sightline_tally.py").write_text(text)
    assert [known.name for known in kinds()] == list(contract.BUILTIN)
    assert kind("analyze").label != "Tally"


def test_an_unknown_kind_is_told_with_what_there_is(packages):
    install_tally(packages)
    with pytest.raises(Invalid) as caught:
        kind("nonsense")
    assert caught.value.facts["allowed"] == [*contract.BUILTIN, "tally"]
