"""Settings: defaults that work, names that are kept, refusals in words, secrets that stay secret."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid
from sightline.secret_file import read_or_create_secret
from sightline.settings import UNIX_PATH_MAX_BYTES, Settings, is_loopback_host

KEPT_NAMES = [
    *(
        "HOST",
        "SERVER_HOST",
        "PORT",
        "SERVER_PORT",
        "DEBUG",
        "DEBUG_MODE",
        "SECRET_KEY",
        "AUTH",
        "CORS_ORIGINS",
        "LOG_LEVEL",
        "SOCKETIO_ASYNC_MODE",
    ),
    *(
        "DATA_DIR",
        "DATABASE_URL",
        "REDIS_URL",
        "MEDIA_DIRS",
        "VIDEO_FILE_PATH",
        "CAMERA_ALLOW_LOOPBACK",
        "MAX_UPLOAD_SIZE",
        "MODELS_DIR",
    ),
    *(
        "MODELS_MIRROR",
        "STORAGE_TYPE",
        "S3_BUCKET_NAME",
        "S3_BUCKET_VIDEOS",
        "S3_BUCKET_RESULTS",
        "S3_ENDPOINT_URL",
        "AWS_ENDPOINT_URL",
    ),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "KINESIS_STREAM_NAME", "DYNAMODB_TABLE", "ENGINES"),
]


def variables() -> set[str]:
    found = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        found |= set(getattr(alias, "choices", [alias]))
    return found


def test_every_kept_name_is_read() -> None:
    assert set(KEPT_NAMES) <= variables()


def test_every_field_has_a_default_and_a_description() -> None:
    for name, field in Settings.model_fields.items():
        assert not field.is_required(), name
        assert field.description and field.description.endswith("."), name


def test_defaults_work_with_an_empty_environment() -> None:
    settings = Settings.from_env({})
    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 5000, "on")
    assert settings.database.startswith("sqlite:////")
    assert settings.default_source == "demo:"


def test_empty_values_count_as_absent() -> None:
    assert Settings.from_env({"PORT": "", "AUTH": ""}).port == 5000


@pytest.mark.parametrize(("first", "second"), [("HOST", "SERVER_HOST"), ("S3_BUCKET_NAME", "S3_BUCKET")])
def test_the_documented_name_wins_over_its_alias(first: str, second: str) -> None:
    settings = Settings.from_env({first: "127.0.0.2", second: "127.0.0.3"})
    assert "127.0.0.2" in (settings.host, settings.s3_bucket)
    assert "127.0.0.3" not in (settings.host, settings.s3_bucket)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("PORT", "0"), ("PORT", "70000"), ("AUTH", "maybe"), ("STORAGE_TYPE", "ftp"), ("LOG_FORMAT", "xml")],
)
def test_a_wrong_value_is_refused_and_named_but_not_repeated(name: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.from_env({name: value})
    assert name in caught.value.message
    assert value not in caught.value.message.split(":", 1)[1] or value == "0"


def test_a_wrong_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({"SECRET_KEY": "hunter2hunter2", "ADMIN_PASSWORD": "s3cretword", "AWS_SECRET_ACCESS_KEY": "k3y"})
    shown = f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert not any(secret in shown for secret in ("hunter2", "s3cretword", "k3y"))


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "example.org", "::"])
def test_no_login_is_refused_beyond_loopback(host: str) -> None:
    with pytest.raises(Invalid, match="loopback"):
        Settings.from_env({"AUTH": "off", "HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_no_login_is_allowed_on_loopback(host: str) -> None:
    assert Settings.from_env({"AUTH": "off", "HOST": host}).auth == "off"


@given(st.text())
def test_only_loopback_names_count_as_loopback(host: str) -> None:
    if is_loopback_host(host):
        assert host == "localhost" or host.startswith(("127.", "::")) or "1" in host


def test_the_engine_socket_fits_the_kernel_whatever_the_data_dir(tmp_path: Path) -> None:
    deep = Settings.from_env({}, data_dir=str(tmp_path / ("deep" * 40)))
    other = Settings.from_env({}, data_dir=str(tmp_path / ("deeq" * 40)))
    assert len(os.fsencode(deep.engine_socket)) <= UNIX_PATH_MAX_BYTES
    assert deep.engine_socket != other.engine_socket


def test_engine_addresses_are_the_named_ones_or_the_local_one(settings: Settings) -> None:
    assert settings.engine_addresses == (f"unix:{settings.engine_socket}",)
    named = Settings.from_env({"ENGINES": " http://a:1 ,http://b:2, "})
    assert named.engine_addresses == ("http://a:1", "http://b:2")


def test_media_folders_are_absolute(settings: Settings) -> None:
    assert settings.media_folders == (settings.data_dir.absolute() / "uploads",)
    assert all(path.is_absolute() for path in Settings.from_env({"MEDIA_DIRS": "clips:/srv/more"}).media_folders)


def test_the_signing_key_is_made_once_private_and_shared(settings: Settings) -> None:
    kept = settings.data_dir / "secret_key"
    key = settings.signing_key
    again = Settings.from_env({}, data_dir=str(settings.data_dir))
    assert key == again.signing_key == kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert settings.derived_key("engine") == again.derived_key("engine") != settings.derived_key("media")


def test_a_given_secret_key_is_not_written_to_disk(tmp_path: Path) -> None:
    settings = Settings.from_env({"SECRET_KEY": "given"}, data_dir=str(tmp_path))
    assert settings.signing_key == "given"
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    barrier, seen = threading.Barrier(8), []

    def read() -> None:
        barrier.wait()
        seen.append(read_or_create_secret(tmp_path / "key", lambda: os.urandom(8).hex()))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_dotenv_file_of_the_working_folder_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("PORT=5123\nUNKNOWN=1\n")
    assert Settings.from_env().port == 5123


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(Exception, match="frozen"):
        settings.port = 1  # type: ignore[misc]
    assert json.loads(settings.model_dump_json())["port"] == 5000
