"""Presets through the API: applied to a camera, previewed, saved, deleted, moved to another installation."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from sightline.media.presets import BUILTIN
from tests.web.callers import Caller, assert_problem, log_in

PRESET = "/api/cameras/default/preset"
OPTIONS = "/api/cameras/default/options"


@pytest.fixture(autouse=True)
def clean(admin: Caller) -> Iterator[None]:
    """The default camera and the list of presets as on the first day, afterwards."""
    yield
    for preset in admin.get("/api/presets").json["presets"]:
        if not preset["is_builtin"]:
            admin.delete(f"/api/presets/{preset['name']}")
    admin.patch(OPTIONS, {"privacy_blur": False})
    admin.post(PRESET, {"name": "Everything off"})


def test_builtin_presets_are_listed_for_everybody(viewer: Caller) -> None:
    names = [preset["name"] for preset in viewer.get("/api/presets").json["presets"]]
    assert names == [preset.name for preset in BUILTIN]
    assert_problem(viewer.post(PRESET, {"name": "Night"}), 403, "role_too_low")


@pytest.mark.parametrize("preset", BUILTIN, ids=lambda preset: preset.name)
def test_a_builtin_preset_fits_this_version(preset: Any, operator: Caller) -> None:
    """Whatever it names is known; what cannot run here is said."""
    answer = operator.post(PRESET, {"name": preset.name}).json
    missing = [key for key, value in preset.options.items() if answer["options"].get(key) != value]

    assert not [words for words in answer["skipped"] if "not known" in words or "must" in words], answer["skipped"]
    assert bool(missing) == bool(answer["skipped"]), missing


def test_a_preview_changes_nothing(operator: Caller) -> None:
    operator.patch(OPTIONS, {"grayscale": True})
    before = operator.get(OPTIONS).json
    told = operator.post(PRESET, {"name": "everything OFF", "preview": True}).json
    assert told["changes"] == [{"key": "grayscale", "stage": "grayscale", "label": "Grayscale", "before": True, "after": False}]
    assert operator.get(OPTIONS).json == before

    done = operator.post(PRESET, {"name": "Everything off"}).json
    assert done["changes"] == told["changes"] and done["options"] == operator.get(OPTIONS).json
    assert done["options"]["grayscale"] is False


def test_a_preset_of_ones_own(operator: Caller) -> None:
    operator.patch(OPTIONS, {"blur": True, "blur_kernel_px": 9, "brightness": 20})
    made = operator.post("/api/presets", {"name": "Soft", "description": "For the yard.", "camera": "default", "others_off": True})
    assert made.status_code == 201
    assert made.json["options"] | {"blur": True, "blur_kernel_px": 9, "brightness": 20} == made.json["options"]

    operator.post(PRESET, {"name": "Everything off"})
    operator.patch(OPTIONS, {"sepia": True})
    after = operator.post(PRESET, {"name": "soft"}).json["options"]
    assert (after["blur"], after["blur_kernel_px"], after["brightness"], after["sepia"]) == (True, 9, 20, False)

    assert_problem(operator.post("/api/presets", {"name": "SOFT", "camera": "default"}), 409, "preset_exists")
    assert operator.post("/api/presets", {"name": "SOFT", "options": {"invert": True}, "replace": True}).json["options"] == {
        "invert": True
    }
    assert operator.delete("/api/presets/Soft").json["success"] is True
    assert_problem(operator.delete("/api/presets/Soft"), 404, "preset_not_found")


def test_only_ones_own_cameras(guest: Caller) -> None:
    assert_problem(guest.post(PRESET, {"name": "Night"}), 403, "camera_forbidden")
    assert_problem(guest.post("/api/presets", {"name": "Theirs", "camera": "default"}), 403, "camera_forbidden")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PRESET, {"name": "Nothing such"}, 404, "preset_not_found"),
        (PRESET, {"name": "\x00"}, 404, "preset_not_found"),
        (PRESET, {}, 422, "invalid_missing"),
        (PRESET, {"name": 3}, 422, "invalid_string_type"),
        (PRESET, {"name": "Night", "force": True}, 422, "unknown_field"),
        ("/api/cameras/nowhere/preset", {"name": "Night"}, 404, "camera_not_found"),
        ("/api/presets", {"name": "A/B", "camera": "default"}, 422, "bad_name"),
        ("/api/presets", {"name": "", "camera": "default"}, 422, "bad_name"),
        ("/api/presets", {"name": "x" * 41, "camera": "default"}, 422, "bad_name"),
        ("/api/presets", {"name": "Night", "camera": "default"}, 409, "builtin_preset"),
        ("/api/presets", {"name": "A"}, 422, "ambiguous"),
        ("/api/presets", {"name": "A", "camera": "default", "options": {}}, 422, "ambiguous"),
        ("/api/presets", {"name": "A", "camera": "nowhere"}, 404, "camera_not_found"),
        ("/api/presets", {"name": "A", "options": {"blur_kernel_px": 4000}}, 422, "out_of_range"),
        ("/api/presets", {"name": "A", "options": {"x": "y" * 200_000}}, 422, "preset_too_large"),
        ("/api/presets", {"name": "A", "description": "a\nb", "camera": "default"}, 422, "bad_description"),
        ("/api/cameras/import", {"cameras": [], "presets": [{"name": "A", "options": {"blur": 1}}]}, 422, "wrong_type"),
        ("/api/cameras/import", {"cameras": [], "presets": [{"title": "A"}]}, 422, "bad_import"),
    ],
)
def test_bad_requests(admin: Caller, path: str, body: dict[str, Any], status: int, code: str) -> None:
    before = admin.get("/api/presets").json
    assert_problem(admin.post(path, body), status, code)
    assert admin.get("/api/presets").json == before


def test_a_builtin_preset_cannot_be_deleted(operator: Caller) -> None:
    assert_problem(operator.delete("/api/presets/Night"), 409, "builtin_preset")


def test_presets_travel_with_the_cameras(lonely_app: Callable[..., Flask]) -> None:
    here, there = log_in(lonely_app(), "admin"), log_in(lonely_app(), "admin")
    here.post("/api/presets", {"name": "Soft", "options": {"blur": True}, "order": ["blur", "sharpen"]})
    document = here.get("/api/cameras/export").json
    assert [preset["name"] for preset in document["presets"]] == ["Soft"]

    answer = there.post("/api/cameras/import", {"cameras": [], "presets": document["presets"]}).json
    assert answer["presets_saved"] == 1
    assert there.get("/api/cameras/export").json["presets"] == document["presets"]
    changed = [{**document["presets"][0], "options": {"sepia": True}}]
    assert there.post("/api/cameras/import", {"cameras": [], "presets": changed}).json["presets_saved"] == 0
    assert there.post("/api/cameras/import", {"cameras": [], "presets": changed, "replace": True}).json["presets_saved"] == 1
    assert there.get("/api/cameras/export").json["presets"][0]["options"] == {"sepia": True}
