"""Failed logins, with whatever text an attacker sends."""

import pytest

from sightline.records.login_attempts import LoginAttempts


@pytest.fixture
def attempts(database) -> LoginAttempts:
    return LoginAttempts(database)


def test_failures_are_counted_in_their_window(attempts):
    for at in (10.0, 20.0, 30.0):
        attempts.record("user:ann", at)
    attempts.record("ip:10.0.0.1", 30.0)
    assert attempts.count_since("user:ann", 20.0) == 2
    assert attempts.oldest_since("user:ann", 15.0) == 20.0
    assert attempts.oldest_since("user:bob", 0.0) is None
    attempts.clear("user:ann")
    assert attempts.count_since("user:ann", 0.0) == 0
    assert attempts.count_since("ip:10.0.0.1", 0.0) == 1


def test_old_ones_are_pruned(attempts):
    for at in (10.0, 20.0, 30.0):
        attempts.record("x", at)
    assert attempts.prune(before=30.0) == 2
    assert attempts.count_since("x", 0.0) == 1


@pytest.mark.parametrize("who", ["", "user:" + "x" * 100_000, "user:a\x00b", "user:\ud800", "user:a\nb", "user:' OR 1=1 --"])
def test_any_text_is_counted_and_never_mixed_up(attempts, who):
    attempts.record(who)
    attempts.record(who + "y")
    assert attempts.count_since(who, 0.0) == 1
