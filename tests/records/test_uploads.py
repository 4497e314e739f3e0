"""Uploads in parts that are under way."""

import pytest

from sightline.errors import NotFound
from sightline.records.assets import Asset, Assets
from sightline.records.uploads import Upload, Uploads
from sightline.records.users import Users


def test_an_upload_is_kept_until_it_is_deleted(database):
    uploads = Uploads(database)
    made = uploads.add(Upload("s3", "a\x00.mp4" + "é" * 300, 2**33, 5.0, facts={"key": "videos/a"}))
    assert (made.name[:5], len(made.name)) == ("a.mp4", 255)
    assert uploads.get(made.id) == made
    assert uploads.finish(made.id, "0123456789abcdef").asset_id == "0123456789abcdef"
    uploads.delete(made.id)
    uploads.delete(made.id)
    with pytest.raises(NotFound):
        uploads.get(made.id)


def test_what_is_open_and_what_it_takes_is_counted_for_each_user(database):
    uploads, users = Uploads(database), Users(database)
    ann = users.add("ann", "h", "operator").id
    whole = uploads.add(Upload("tus", "a.mp4", 10, 5.0, ann))
    uploads.finish(whole.id, "0" * 16)
    open_one = uploads.add(Upload("tus", "b.mp4", 100, 5.0, ann))
    uploads.add(Upload("tus", "c.mp4", 1000, 5.0))
    Assets(database).add(Asset("a.mp4", "a.mp4", "0" * 64, 10, 8, 8, "h264", uploaded_by=ann))
    assert uploads.open_of(ann) == (open_one,)
    assert (uploads.bytes_of(ann), uploads.bytes_of(None)) == (110, 1000)
    users.delete(ann)
    assert [upload.owner_id for upload in uploads.expired(6.0)] == [None]


def test_only_those_that_expired_are_listed(database):
    uploads = Uploads(database)
    old = uploads.add(Upload("tus", "a.mp4", 1, 5.0))
    uploads.add(Upload("tus", "b.mp4", 1, 7.0))
    assert uploads.expired(6.0) == (old,)
