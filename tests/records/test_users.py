"""Users: names, roles, the last admin, what ends a session."""

import threading

import pytest

from sightline.errors import Conflict, Invalid, NotFound
from sightline.records.users import ROLES, Users


@pytest.fixture
def users(database) -> Users:
    return Users(database)


def test_a_user_is_found_again(users):
    added = users.add("Ann.B-1@x", "hash", "operator", {"door", "gate"})
    assert users.get(added.id) == added
    assert users.by_name("Ann.B-1@x") == added
    assert users.list() == (added,)
    assert (added.role, added.cameras, added.token_version) == ("operator", ("door", "gate"), 1)


def test_no_list_of_cameras_means_all_and_an_empty_list_means_none(users):
    users.add("a", "h", "viewer")
    users.add("b", "h", "viewer", ())
    assert users.by_name("a").cameras is None
    assert users.by_name("b").cameras == ()


def test_a_hash_is_not_shown(users):
    assert "secret-hash" not in repr(users.add("a", "secret-hash", "viewer"))


@pytest.mark.parametrize("name", ["", " a", "a b", "-a", "a" * 65, "a\x00", "a/b", "é"])
def test_bad_names_are_refused_and_never_found(users, name):
    with pytest.raises(Invalid) as caught:
        users.add(name, "h", "viewer")
    assert caught.value.facts["field"] == "username"
    assert users.by_name(name) is None


def test_unknown_roles_are_refused(users):
    with pytest.raises(Invalid) as caught:
        users.add("a", "h", "root")
    assert caught.value.facts["allowed"] == ROLES


def test_a_name_is_taken_once(users):
    users.add("a", "h", "viewer")
    other = users.add("b", "h", "viewer")
    for take in (lambda: users.add("a", "h", "viewer"), lambda: users.update(other.id, username="a")):
        with pytest.raises(Conflict) as caught:
            take()
        assert caught.value.code == "user_exists"
    assert users.update(other.id, username="b").username == "b"


def test_a_new_password_ends_all_sessions_and_other_changes_do_not(users):
    user = users.add("a", "h", "viewer")
    assert users.update(user.id, role="operator", cameras=["x"]).token_version == 1
    assert users.update(user.id, password_hash="new").token_version == 2
    assert users.revoke(user.id).token_version == 3


@pytest.mark.parametrize("field", ["id", "token_version", "created_at", "nonsense"])
def test_only_some_fields_change(users, field):
    user = users.add("a", "h", "viewer")
    with pytest.raises(Invalid):
        users.update(user.id, **{field: 7})
    assert users.get(user.id) == user


def test_the_last_admin_stays(users):
    admin = users.add("a", "h", "admin")
    for harm in (lambda: users.delete(admin.id), lambda: users.update(admin.id, role="viewer")):
        with pytest.raises(Conflict) as caught:
            harm()
        assert caught.value.code == "last_admin"
    second = users.add("b", "h", "admin")
    assert users.update(admin.id, role="viewer").role == "viewer"
    users.delete(admin.id)
    assert users.list() == (second,)


def test_two_admins_cannot_remove_each_other_at_once(users):
    pair = [users.add(name, "h", "admin") for name in "ab"]
    together = threading.Barrier(2)
    refused: list[str] = []

    def remove(user_id: int) -> None:
        together.wait()
        try:
            users.delete(user_id)
        except Conflict as err:
            refused.append(err.code)

    threads = [threading.Thread(target=remove, args=(user.id,)) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["last_admin"]
    assert len(users.list()) == 1


def test_the_first_admin_is_made_once(users):
    first = users.add_first("admin", "h")
    assert first is not None
    assert first.role == "admin"
    assert users.add_first("other", "h") is None
    assert users.list() == (first,)


def test_the_id_of_a_deleted_user_is_not_given_again(users):
    users.add("a", "h", "admin")
    gone = users.add("b", "h", "viewer")
    users.delete(gone.id)
    assert users.add("c", "h", "viewer").id != gone.id


def test_who_is_not_there_is_not_found(users):
    for ask in (users.get, users.delete, users.revoke, lambda n: users.update(n, role="admin")):
        with pytest.raises(NotFound) as caught:
            ask(99)
        assert caught.value.code == "user_not_found"
