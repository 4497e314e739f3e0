"""Which cameras an account may see."""

import pytest

from sightline.records.users import User
from sightline.web.accounts import identity_of


@pytest.mark.parametrize(
    ("role", "cameras", "sees_door", "sees_hall"),
    [
        ("viewer", ("door",), True, False),
        ("viewer", None, True, True),
        ("viewer", (), False, False),
        ("admin", (), True, True),
    ],
)
def test_no_list_means_all_and_an_empty_one_none_but_an_admin_sees_everything(
    role: str, cameras: tuple[str, ...] | None, sees_door: bool, sees_hall: bool
) -> None:
    identity = identity_of(User(1, "ann", "hash", role, cameras, 1, 0.0), by_session=True)
    assert (identity.sees("door"), identity.sees("hall")) == (sees_door, sees_hall)
