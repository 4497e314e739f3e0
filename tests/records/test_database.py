"""Addresses, readers beside writers, many processes at once."""

import subprocess
import sys
import threading

import pytest
from sqlalchemy import event, text

from sightline.errors import Conflict, Invalid, StorageError
from sightline.records.cameras import Camera, Cameras
from sightline.records.database import Database
from sightline.records.events import Event, Events
from sightline.records.login_attempts import LoginAttempts
from sightline.records.models import CameraRow

WRITER = """
import sys
from sightline.records.cameras import Camera, Cameras
from sightline.records.database import Database
from sightline.records.events import Event, Events

database = Database(sys.argv[1])
database.migrate()
events, cameras = Events(database), Cameras(database)
for number in range(60):
    events.add(Event("door", "motion.started", "x", at=float(number)))
    cameras.add(Camera(f"c{sys.argv[2]}-{number}", "C", "demo:"))  # reads, then writes: the case that a deferred BEGIN loses
    events.list(limit=5)
"""


@pytest.mark.parametrize("spelling", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_works(postgres_url, spelling):
    database = Database(postgres_url.replace("postgresql", spelling, 1))
    database.ping()
    assert not database.is_sqlite
    database.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://root:pass-word@host/x", "postgresql//x"]
)
def test_other_addresses_are_refused_without_being_shown(url):
    with pytest.raises(Invalid) as caught:
        Database(url)
    assert caught.value.facts["field"] == "DATABASE_URL"
    assert "pass-word" not in caught.value.message


def test_a_relative_sqlite_path_gets_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    database = Database("sqlite:///deep/er/x.db")
    database.ping()
    database.close()
    assert (tmp_path / "deep/er/x.db").exists()


@pytest.mark.parametrize("driver", ["sqlite", "postgresql"])
def test_a_database_that_does_not_answer_is_one_clear_error(tmp_path, driver):
    blocked = tmp_path / "file"
    blocked.mkdir()
    url = f"sqlite:///{blocked}" if driver == "sqlite" else "postgresql://someone:pass-word@127.0.0.1:1/x"
    database = Database(url)
    with pytest.raises(StorageError) as caught:
        database.ping()
    assert caught.value.code == "database_unavailable"
    assert caught.value.is_transient
    assert "pass-word" not in caught.value.message


def test_an_exception_rolls_back(database):
    with pytest.raises(KeyError), database.transaction() as session:
        session.add(CameraRow(id="a", name="A", source="demo:", source_options={}, is_running=True, chain={}, created_at=0.0))
        session.flush()
        raise KeyError("x")
    assert Cameras(database).list() == ()


def test_a_unique_value_taken_at_the_same_moment_is_a_conflict(database):
    with pytest.raises(Conflict), database.transaction() as session:
        insert = text(
            "INSERT INTO users (username, password_hash, role, token_version, created_at) VALUES ('x', 'h', 'viewer', 1, 0)"
        )
        session.execute(insert)
        session.execute(insert)


def test_values_do_not_stand_in_errors(database):
    with pytest.raises(StorageError) as caught, database.transaction() as session:
        session.execute(
            text(
                "SELECT :secret FROM no_such_table"
                if database.is_sqlite
                else "SELECT pg_terminate_backend(pg_backend_pid()), :secret"
            ),
            {"secret": "rtsp://u:pass-word@cam"},
        )
    assert "pass-word" not in str(caught.value.__cause__)


def test_a_reader_never_waits_for_a_writer_and_sees_only_what_is_committed(database):
    cameras = Cameras(database)
    seen: list[int] = []
    with database.transaction() as session:
        session.add(CameraRow(id="a", name="A", source="demo:", source_options={}, is_running=True, chain={}, created_at=0.0))
        session.flush()
        reader = threading.Thread(target=lambda: seen.append(len(cameras.list())))
        reader.start()
        reader.join(timeout=8)  # the busy timeout of a writer is 10 s
        assert seen == [0]
    assert len(cameras.list()) == 1


def test_writing_through_a_reader_is_an_error_and_leaves_the_connection_usable(database):
    for _ in range(3):
        with pytest.raises(Exception, match=r"(?i)read.?only|does not answer"), database.reading() as session:
            session.execute(text("DELETE FROM cameras"))
        LoginAttempts(database).record("ip:1")
    assert LoginAttempts(database).count_since("ip:1", 0) == 3


def test_a_reading_of_sqlite_sees_one_moment(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.migrate()
    events = Events(database)
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM events")) == 0
        events.add(Event("door", "x", "", at=0.0))
        assert session.scalar(text("SELECT count(*) FROM events")) == 0
    database.close()


def test_four_processes_migrate_and_write_at_once(database_url, root):
    command = [sys.executable, "-c", WRITER, database_url]
    writers = [subprocess.Popen([*command, str(n)], cwd=root, stderr=subprocess.PIPE, text=True) for n in range(4)]
    complaints = [writer.communicate(timeout=100)[1] for writer in writers]
    assert complaints == [""] * 4
    assert [writer.returncode for writer in writers] == [0] * 4
    database = Database(database_url)
    assert len(Events(database).list(limit=1000)) == 240
    assert len(Cameras(database).list()) == 240
    database.close()


def test_threads_share_a_database(database):
    cameras = Cameras(database)
    threads = [threading.Thread(target=cameras.add, args=(Camera(f"cam{n}", "C", "demo:"),)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    added = cameras.list()
    assert len(added) == 12
    if database.is_sqlite:
        assert [camera.position for camera in added] == list(range(1, 13))


def test_sqlite_runs_in_wal_with_foreign_keys(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with database.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def test_each_repository_call_is_one_transaction(database):
    commits: list[object] = []
    event.listen(database._engine, "commit", commits.append)
    Events(database).add_many([Event("door", "x", "", at=float(n)) for n in range(50)])
    assert len(commits) == 1


def test_a_commit_is_on_disk_unless_the_caller_waives_it(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    levels = []
    for is_durable in (True, False, True):
        with database.transaction(is_durable=is_durable) as session:
            levels.append(session.scalar(text("PRAGMA synchronous")))
    full, normal = 2, 1
    assert levels == [full, normal, full]
    database.close()
