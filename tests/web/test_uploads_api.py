"""Uploaded videos: who may delete them, and what they may take together."""

import io

import pytest

from tests.clips import make_clip
from tests.web.callers import assert_problem


@pytest.fixture(scope="module")
def app(app_without_engine):
    return app_without_engine


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=10).read_bytes()


def upload(caller, film):
    return caller.post("/api/upload_video", data={"video": (io.BytesIO(film), "clip.mp4")})


def test_a_video_is_deleted_with_its_file_by_its_owner_or_an_admin(operator, admin, viewer, parts, film):
    for owner, others in ((operator, [viewer]), (admin, [viewer, operator])):
        made = upload(owner, film).json
        for other in others:
            assert_problem(other.delete(f"/api/assets/{made['asset_id']}"), 403)
        assert (parts.settings.data_dir / "uploads" / made["filename"]).is_file()
        assert owner.delete(f"/api/assets/{made['asset_id']}").status_code == 200
        assert not (parts.settings.data_dir / "uploads" / made["filename"]).exists()
        assert_problem(owner.delete(f"/api/assets/{made['asset_id']}"), 404, "asset_not_found")
    made = upload(operator, film).json
    assert admin.delete(f"/api/assets/{made['asset_id']}").status_code == 200


def test_a_video_that_a_camera_plays_stays(operator, admin, film):
    made = upload(operator, film).json
    camera = {"id": "film", "name": "Film", "source": made["filename"], "is_running": False}
    assert admin.post("/api/cameras", camera).status_code in (200, 201)
    assert assert_problem(operator.delete(f"/api/assets/{made['asset_id']}"), 409, "asset_in_use")["cameras"] == ["Film"]
    assert admin.delete("/api/cameras/film").status_code == 200
    assert operator.delete(f"/api/assets/{made['asset_id']}").status_code == 200


def test_the_quota_of_one_user_holds_for_every_way(operator, parts, film, monkeypatch):
    mine = parts.users.by_name("operator")
    most_bytes = parts.uploads.bytes_of(mine.id) + len(film)
    limits = parts.settings.model_copy(update={"uploads_most_bytes_per_user": most_bytes})
    monkeypatch.setattr(parts.upload_desk._limits, "_settings", limits)
    first = upload(operator, film)
    assert first.status_code == 200
    files = set((parts.settings.data_dir / "uploads").iterdir())
    assert "Delete some" in assert_problem(upload(operator, film), 409, "upload_quota")["message"]
    assert set((parts.settings.data_dir / "uploads").iterdir()) == files
    assert operator.delete(f"/api/assets/{first.json['asset_id']}").status_code == 200
    assert upload(operator, film).status_code == 200
