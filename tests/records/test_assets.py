"""Uploaded videos."""

import pytest

from sightline.errors import Conflict, NotFound
from sightline.records.assets import Asset, Assets
from sightline.records.users import Users


def _asset(**changes) -> Asset:
    values = {"file_name": "a.mp4", "original_name": "A.mp4", "sha256": "0" * 64, "size_bytes": 2**33}
    return Asset(**(values | {"width_px": 1280, "height_px": 720, "codec": "h264"} | changes))


def test_an_asset_is_kept_whole_newest_first(database):
    assets = Assets(database)
    old = assets.add(_asset(created_at=1.0, duration_s=2.5))
    new = assets.add(_asset(created_at=2.0))
    assert assets.list() == (new, old)
    assert assets.get(old.id) == old
    assert assets.list(limit=1) == (new,)
    with pytest.raises(Conflict):
        assets.add(old)


def test_the_clients_name_is_made_fit(database):
    kept = Assets(database).add(_asset(original_name="x\x00\n" + "é" * 300))
    assert kept.original_name == "x" + "é" * 254


def test_an_asset_outlives_its_user(database):
    user = Users(database).add("ann", "h", "operator")
    asset = Assets(database).add(_asset(uploaded_by=user.id))
    assert asset.uploaded_by == user.id
    Users(database).delete(user.id)
    assert Assets(database).get(asset.id).uploaded_by is None


def test_what_is_deleted_is_not_found(database):
    assets = Assets(database)
    asset = assets.add(_asset())
    assets.delete(asset.id)
    for ask in (assets.get, assets.delete):
        with pytest.raises(NotFound):
            ask(asset.id)
