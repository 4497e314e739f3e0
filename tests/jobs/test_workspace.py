"""The folder of a job: one attempt at a time works in it, and what was kept of a stage is there in the next."""

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


def test_what_is_kept_of_a_stage_is_there_in_its_next_attempt(settings):
    first = Workspace(settings, "job")
    folder = first.begin("look", "of these")
    for name in ("1.json", "2.json"):
        (folder / name).write_text(name)
    (folder / "pictures").mkdir()
    (folder / "pictures" / "1.jpg").write_bytes(b"jpeg")
    first.keep("look", "1.json")
    first.keep("look", "pictures")
    second = Workspace(settings, "job")
    folder = second.begin("look", "of these")
    assert [second.is_kept("look", name) for name in ("1.json", "2.json", "pictures")] == [True, False, True]
    assert {path.name for path in folder.iterdir()} == {"1.json", "pictures", "kept.json"}
    assert (folder / "1.json").read_text() == "1.json"
    second.finish("look", "of these", [])
    assert {path.name for path in second.stage("look").iterdir()} == {"1.json", "pictures", "done.json"}
    assert not (second.folder / "stages" / "look.part").exists()


@pytest.mark.parametrize("damage", ["another fingerprint", "a broken list", "no list"])
def test_what_was_kept_of_something_else_is_thrown_away(settings, damage):
    workspace = Workspace(settings, "job")
    folder = workspace.begin("look", "of these")
    (folder / "1.json").write_text("1")
    workspace.keep("look", "1.json")
    if damage == "a broken list":
        (folder / "kept.json").write_text('{"fingerpr')
    elif damage == "no list":
        (folder / "kept.json").unlink()
    folder = workspace.begin("look", "of those" if damage == "another fingerprint" else "of these")
    assert not workspace.is_kept("look", "1.json")
    assert [path.name for path in folder.iterdir()] == ["kept.json"]


def test_a_kept_file_that_is_gone_is_not_kept(settings):
    workspace = Workspace(settings, "job")
    folder = workspace.begin("look", "of these")
    (folder / "1.json").write_text("1")
    workspace.keep("look", "1.json")
    (folder / "1.json").unlink()
    assert not workspace.is_kept("look", "1.json")


def test_what_another_machine_has_kept_of_a_part_is_kept_here_once(settings):
    there, here = Workspace(settings, "part"), Workspace(settings, "job")
    (there.begin("look", "alone") / "clip-a").mkdir()
    there.keep("look", "clip-a")
    there.finish("look", "alone", ())
    here.parts.mkdir(parents=True)
    there.stage("look").rename(here.parts / "alone")
    here.begin("look", "whole")
    for made_from in ("alone", "alone", "unknown"):
        here.adopt("look", made_from)
    assert here.is_kept("look", "clip-a")
    here.begin("look", "whole")  # and it stays when the attempt is lost
    assert here.is_kept("look", "clip-a")
