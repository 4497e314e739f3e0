"""A thread that holds cores goes on with those."""

import threading
from collections.abc import Callable

import pytest

from sightline.vision.inference.budget import Budget


def test_what_a_thread_holds_it_need_not_take_again() -> None:
    cores = Budget(1)
    with cores.taken(1), cores.taken(1), cores.taken(1):
        assert cores._free == 0
    assert cores._free == 1


def test_another_thread_waits_until_all_is_given_back(wait_until: Callable[..., None]) -> None:
    cores, got = Budget(1), threading.Event()

    def take() -> None:
        with cores.taken(1):
            got.set()

    with cores.taken(1):
        other = threading.Thread(target=take)
        other.start()
        wait_until(lambda: len(cores._waiting) == 1)
        with cores.taken(1):
            pass
        assert not got.is_set()
    other.join(30)
    assert got.is_set()


def test_a_failure_inside_gives_back_what_was_held() -> None:
    cores = Budget(2)
    with pytest.raises(ValueError, match="broken"), cores.taken(2), cores.taken(1):
        raise ValueError("broken")
    assert cores._free == 2
    with cores.taken(2):
        assert cores._free == 0
