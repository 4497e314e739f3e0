"""Cameras: ids, order, partial changes."""

import pytest

from sightline.errors import Conflict, Invalid, NotFound
from sightline.records.cameras import Camera, Cameras


@pytest.fixture
def cameras(database) -> Cameras:
    return Cameras(database)


def test_cameras_come_in_the_order_they_were_added(cameras):
    for camera_id in ("b", "a", "c-1_x"):
        cameras.add(Camera(camera_id, "Name", "rtsp://u:p@host/x", {"rtsp_transport": "udp"}, False, {"processing": True}))
    listed = cameras.list()
    assert [camera.id for camera in listed] == ["b", "a", "c-1_x"]
    assert listed[0] == cameras.get("b")
    assert listed[0].source_options == {"rtsp_transport": "udp"}
    assert listed[0].chain == {"processing": True}
    assert listed[0].is_running is False
    assert "u:p" not in repr(listed[0])


@pytest.mark.parametrize("camera_id", ["", "A", "-a", "a b", "a/b", "é", "a" * 33, "a\n"])
def test_bad_ids_are_refused(cameras, camera_id):
    with pytest.raises(Invalid) as caught:
        cameras.add(Camera(camera_id, "Name", "demo:"))
    assert caught.value.facts["field"] == "id"


@pytest.mark.parametrize("name", ["", "x" * 81, "two\nlines", "nul\x00"])
def test_bad_names_are_refused(cameras, name):
    cameras.add(Camera("b", "Name", "demo:"))
    for call in (lambda: cameras.add(Camera("a", name, "demo:")), lambda: cameras.update("b", name=name)):
        with pytest.raises(Invalid) as caught:
            call()
        assert caught.value.facts["field"] == "name"
    assert [camera.name for camera in cameras.list()] == ["Name"]


def test_an_id_is_taken_once(cameras):
    cameras.add(Camera("a", "Name", "demo:"))
    with pytest.raises(Conflict) as caught:
        cameras.add(Camera("a", "Other", "demo:"))
    assert caught.value.code == "camera_exists"
    assert cameras.get("a").name == "Name"


def test_only_what_is_named_changes(cameras):
    before = cameras.add(Camera("a", "Name", "demo:", {"loop": True}))
    after = cameras.update("a", is_running=False, chain={"processing": False})
    assert (after.is_running, after.chain) == (False, {"processing": False})
    assert (after.name, after.source, after.source_options, after.created_at) == (
        "Name",
        "demo:",
        {"loop": True},
        before.created_at,
    )
    assert cameras.get("a") == after


@pytest.mark.parametrize("field", ["id", "created_at", "nonsense"])
def test_other_fields_do_not_change(cameras, field):
    before = cameras.add(Camera("a", "Name", "demo:"))
    with pytest.raises(Invalid):
        cameras.update("a", **{field: "x"})
    assert cameras.get("a") == before


def test_what_is_not_there_is_not_found(cameras):
    cameras.add(Camera("a", "Name", "demo:"))
    cameras.delete("a")
    for ask in (cameras.get, cameras.delete, lambda i: cameras.update(i, name="x")):
        with pytest.raises(NotFound) as caught:
            ask("a")
        assert caught.value.code == "camera_not_found"
