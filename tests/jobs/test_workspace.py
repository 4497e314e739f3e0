"""The folder of a job: one attempt at a time works in it."""

import threading

import pytest

from sightline.errors import JobError
from sightline.jobs.workspace import Workspace
from sightline.settings import Settings
from tests.live_fakes import wait_for


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({}, data_dir=str(tmp_path))


def test_the_next_attempt_waits_for_one_that_was_given_up(settings):
    entered, order = threading.Event(), []

    def come_second() -> None:
        entered.set()
        with Workspace(settings, "job").held(60):
            order.append("second")

    thread = threading.Thread(target=come_second)
    with Workspace(settings, "job").held():
        thread.start()
        wait_for(entered.is_set, "the second attempt")
        thread.join(0.5)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_an_attempt_that_never_ends_is_told_and_the_job_is_tried_again(settings):
    with Workspace(settings, "job").held(), pytest.raises(JobError) as caught, Workspace(settings, "job").held(0.2):
        pass
    assert (caught.value.code, caught.value.is_transient) == ("still_held", True)
