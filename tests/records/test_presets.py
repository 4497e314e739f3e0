"""Saved presets, on both databases."""

import pytest

from sightline.errors import Conflict, NotFound
from sightline.media.presets import BUILTIN, Preset
from sightline.records.presets import MOST_PRESETS, Presets

MINE = Preset("Über Nacht", "Dark.", {"low_light": True, "low_light_amount": 3}, others_off=True, order=("b", "a"))


def test_a_preset_is_kept_whole_behind_the_builtin_ones(database):
    presets = Presets(database)
    assert presets.save(MINE) == MINE
    other = presets.save(Preset("A"))
    assert presets.list() == (*BUILTIN, other, MINE)
    assert presets.get(" über NACHT") == MINE


def test_names_are_taken_whatever_their_case(database):
    presets = Presets(database)
    presets.save(MINE)
    with pytest.raises(Conflict) as caught:
        presets.save(Preset("ÜBER NACHT"))
    assert caught.value.code == "preset_exists"
    assert presets.save(Preset("ÜBER NACHT"), replace=True) == Preset("ÜBER NACHT")
    assert presets.list()[len(BUILTIN) :] == (Preset("ÜBER NACHT"),)


def test_builtin_presets_stay(database):
    presets = Presets(database)
    for action in (lambda: presets.save(Preset("night"), replace=True), lambda: presets.delete("Night")):
        with pytest.raises(Conflict) as caught:
            action()
        assert caught.value.code == "builtin_preset"
    assert presets.get("NIGHT") is BUILTIN[0]


def test_what_is_deleted_is_not_found(database):
    presets = Presets(database)
    presets.save(MINE)
    presets.delete("über nacht")
    for ask in (presets.get, presets.delete):
        for name in ("Über Nacht", "", "nul\x00", "x" * 500):
            with pytest.raises(NotFound):
                ask(name)


def test_there_are_not_too_many(database):
    presets = Presets(database)
    for number in range(MOST_PRESETS):
        presets.save(Preset(f"P{number}"))
    with pytest.raises(Conflict) as caught:
        presets.save(Preset("One more"))
    assert caught.value.code == "too_many_presets"
    assert presets.save(Preset("P7", "changed"), replace=True).description == "changed"
