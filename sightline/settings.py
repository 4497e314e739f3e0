"""All settings of all processes. Nothing else reads the environment.

`docs/operations.md` has a table generated from these fields; a test keeps it true.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from sightline.errors import Invalid
from sightline.secret_file import read_or_create_secret

UNIX_PATH_MAX_BYTES = 100
"""Linux takes 107; some room is left for a suffix."""


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """Environment variables, or lines of `.env` in the working folder. Every field has a default that works."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env", env_ignore_empty=True, populate_by_name=False)

    host: str = Field("127.0.0.1", validation_alias=_names("HOST", "SERVER_HOST"), description="Address the web server listens on.")
    port: int = Field(5000, ge=1, le=65535, validation_alias=_names("PORT", "SERVER_PORT"), description="Port of the web server.")
    debug: bool = Field(
        False, validation_alias=_names("DEBUG", "DEBUG_MODE"), description="More log lines. Never shows stack traces to clients."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="SECRET_KEY",
        description="Signs sessions and tokens. Empty: generated once and kept in DATA_DIR/secret_key (mode 0600).",
    )
    auth: Literal["on", "off"] = Field(
        "on", validation_alias="AUTH", description="Login. `off` is refused unless HOST is a loopback address."
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        validation_alias="ADMIN_PASSWORD",
        description="Password of the first admin. Empty: generated, printed once, kept in DATA_DIR/admin_password (mode 0600).",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="METRICS_TOKEN",
        description="Bearer token with which Prometheus may read /metrics, and nothing else. Empty: operators only.",
    )
    cors_origins: str = Field(
        "",
        validation_alias="CORS_ORIGINS",
        description="Comma-separated origins that may call the API from a browser. Empty: same origin only.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=5,
        validation_alias="TRUSTED_PROXIES",
        description="How many reverse proxies stand in front and set X-Forwarded-*. 0: the headers are ignored.",
    )
    accel_redirect: bool = Field(
        False,
        validation_alias="ACCEL_REDIRECT",
        description="Answer media requests with X-Accel-Redirect, so that nginx takes the bytes from the engine itself.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="LOG_LEVEL", description="Least severity that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", validation_alias="LOG_FORMAT", description="Log lines for people or for machines."
    )
    socketio_async_mode: Literal["threading", "eventlet"] = Field(
        "threading", validation_alias="SOCKETIO_ASYNC_MODE", description="`threading` (gunicorn gthread) or `eventlet` (extra)."
    )
    web_threads: int = Field(
        256,
        ge=16,
        le=4096,
        validation_alias="WEB_THREADS",
        description="Threads of the web server: each open stream or WebSocket holds one.",
    )

    data_dir: Path = Field(
        Path("var"), validation_alias="DATA_DIR", description="Database, kept frames, uploads, exports, secrets."
    )
    database_url: str = Field(
        "", validation_alias="DATABASE_URL", description="SQLAlchemy URL (PostgreSQL). Empty: SQLite in DATA_DIR/sightline.db."
    )
    redis_url: str = Field(
        "",
        validation_alias="REDIS_URL",
        description="Redis that carries batch jobs to Celery workers; used with JOB_CARRIER=celery only.",
    )
    media_dirs: str = Field(
        "",
        validation_alias="MEDIA_DIRS",
        description="Folders, `:`-separated, from which file sources may be opened. Empty: DATA_DIR/uploads.",
    )
    default_source: str = Field(
        "demo:", validation_alias="VIDEO_FILE_PATH", description="Source of the camera `default` at first start."
    )
    camera_allow_loopback: bool = Field(
        False, validation_alias="CAMERA_ALLOW_LOOPBACK", description="Allow camera addresses on this machine itself."
    )
    camera_allow_networks: str = Field(
        "",
        validation_alias="CAMERA_ALLOW_NETWORKS",
        description="Comma-separated CIDR networks to allow although they are refused by default (link-local).",
    )
    max_upload_bytes: int = Field(2_000_000_000, ge=1, validation_alias="MAX_UPLOAD_SIZE", description="Largest upload, in bytes.")
    uploads_keep_hours: int = Field(
        48,
        ge=1,
        le=8760,
        validation_alias="UPLOADS_KEEP_HOURS",
        description="Hours within which an upload that broke off may be gone on with; then its parts are deleted.",
    )
    uploads_most_bytes_per_user: int = Field(
        0,
        ge=0,
        validation_alias="UPLOADS_MOST_BYTES_PER_USER",
        description="Bytes that the uploaded videos of one user may take together. 0: no limit of one's own.",
    )
    frames_keep_days: int = Field(
        30,
        ge=1,
        validation_alias="FRAMES_KEEP_DAYS",
        description="Kept frames, events and counts older than this many days are deleted.",
    )
    disk_reserve_bytes: int = Field(
        500_000_000,
        ge=0,
        validation_alias="DISK_RESERVE",
        description="Free disk space, in bytes, below which nothing more is kept.",
    )

    models_dir: Path = Field(Path("models"), validation_alias="MODELS_DIR", description="Folder of weight files.")
    models_mirror: str = Field(
        "",
        validation_alias="MODELS_MIRROR",
        description="Folder, URL or `s3://bucket/prefix` searched for weight files before the internet.",
    )

    job_carrier: Literal["embedded", "celery", "runpod", "lambda"] = Field(
        "embedded",
        validation_alias="JOB_CARRIER",
        description="Who runs batch jobs: the worker process, Celery workers, or machines of RunPod or AWS.",
    )
    job_queue_limit_s: float = Field(
        1800.0,
        ge=10,
        le=86_400,
        validation_alias="JOB_QUEUE_LIMIT",
        description="Seconds that a job may wait for a machine of RunPod or AWS.",
    )
    job_fallback: Literal["on", "off"] = Field(
        "off",
        validation_alias="JOB_FALLBACK",
        description="`on`: a job that got no machine of RunPod or AWS in time runs in the worker process instead of failing.",
    )
    public_url: str = Field(
        "",
        validation_alias="PUBLIC_URL",
        description="Address under which others reach this installation, such as https://sightline.example.com; RunPod calls it when a job is done. Empty: RunPod is only asked.",
    )
    runpod_endpoint_base_url: str = Field(
        "https://api.runpod.ai/v2",
        validation_alias="RUNPOD_ENDPOINT_BASE_URL",
        description="Address of RunPod's serverless endpoints; used with JOB_CARRIER=runpod only.",
    )
    runpod_endpoint_id: str = Field(
        "", validation_alias="RUNPOD_ENDPOINT_ID", description="Id of the serverless endpoint on RunPod."
    )
    runpod_api_key: SecretStr = Field(SecretStr(""), validation_alias="RUNPOD_API_KEY", description="API key of RunPod.")
    job_slots: int = Field(
        1, ge=0, le=64, validation_alias="JOB_SLOTS", description="Batch jobs that a worker runs at the same time. 0: none."
    )
    job_lease_s: float = Field(
        30.0,
        ge=2,
        le=3600,
        validation_alias="JOB_LEASE",
        description="Seconds without a sign of life after which a job's worker counts as dead and another takes the job.",
    )
    job_memory_bytes: int = Field(
        8_000_000_000, ge=100_000_000, validation_alias="JOB_MEMORY", description="Memory, in bytes, above which a job is ended."
    )
    job_disk_bytes: int = Field(
        50_000_000_000,
        ge=1_000_000,
        validation_alias="JOB_DISK",
        description="Working files, in bytes, above which a job is ended.",
    )
    jobs_most_open: int = Field(
        100, ge=1, validation_alias="JOBS_MOST_OPEN", description="Jobs that may wait or run at the same time; more are refused."
    )
    jobs_most_open_per_user: int = Field(
        0,
        ge=0,
        validation_alias="JOBS_MOST_OPEN_PER_USER",
        description="Jobs of one user that may wait or run at the same time. 0: no limit of one's own.",
    )
    jobs_keep_days: int = Field(
        30, ge=1, validation_alias="JOBS_KEEP_DAYS", description="Ended jobs older than this many days are deleted, unless pinned."
    )

    storage_type: Literal["local", "s3"] = Field("local", validation_alias="STORAGE_TYPE", description="Where kept frames go.")
    s3_bucket: str = Field(
        "", validation_alias=_names("S3_BUCKET_NAME", "S3_BUCKET"), description="Bucket for kept frames and cloud uploads."
    )
    s3_bucket_videos: str = Field(
        "", validation_alias="S3_BUCKET_VIDEOS", description="Bucket for uploaded videos. Empty: S3_BUCKET_NAME."
    )
    s3_bucket_results: str = Field(
        "", validation_alias="S3_BUCKET_RESULTS", description="Bucket for results of batch jobs. Empty: S3_BUCKET_NAME."
    )
    s3_endpoint_url: str = Field(
        "",
        validation_alias="S3_ENDPOINT_URL",
        description="Endpoint of an S3-compatible service. Empty: AWS_ENDPOINT_URL.",
    )
    aws_access_key_id: SecretStr = Field(
        SecretStr(""),
        validation_alias="AWS_ACCESS_KEY_ID",
        description="AWS credentials. Empty: boto3's own search (role, profile).",
    )
    aws_secret_access_key: SecretStr = Field(
        SecretStr(""), validation_alias="AWS_SECRET_ACCESS_KEY", description="AWS credentials."
    )
    aws_session_token: SecretStr = Field(
        SecretStr(""), validation_alias="AWS_SESSION_TOKEN", description="Third part of temporary AWS credentials."
    )
    aws_region: str = Field("us-east-1", validation_alias=_names("AWS_REGION", "AWS_DEFAULT_REGION"), description="AWS region.")
    aws_endpoint_url: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL",
        description="Endpoint of all AWS services. Empty: AWS.",
    )
    lambda_function: str = Field(
        "",
        validation_alias="LAMBDA_FUNCTION",
        description="Name or ARN of the Lambda function that runs jobs (JOB_CARRIER=lambda).",
    )
    state_machine_arn: str = Field(
        "",
        validation_alias="STATE_MACHINE_ARN",
        description="State machine that runs jobs (JOB_CARRIER=lambda). Empty: LAMBDA_FUNCTION runs them itself.",
    )
    showcase_state_machine_arn: str = Field(
        "",
        validation_alias="SHOWCASE_STATE_MACHINE_ARN",
        description="State machine that makes showcases, clips at the same time. Empty: STATE_MACHINE_ARN.",
    )
    s3_event_kind: str = Field(
        "analyze",
        validation_alias="S3_EVENT_KIND",
        description="Kind of job that the function `s3_event` makes of a video in the bucket.",
    )
    kinesis_stream: str = Field(
        "",
        validation_alias="KINESIS_STREAM_NAME",
        description="Shown by /api/stream_config only: findings are not sent to Kinesis.",
    )
    dynamodb_table: str = Field(
        "", validation_alias="DYNAMODB_TABLE", description="Read, but without effect: nothing is written to DynamoDB."
    )

    engines: str = Field(
        "",
        validation_alias="ENGINES",
        description="Comma-separated engine addresses, `unix:/path` or `http://host:port`. Empty: one engine on a Unix socket in DATA_DIR.",
    )
    engine_index: int = Field(
        0,
        ge=0,
        validation_alias="ENGINE_INDEX",
        description="Which of ENGINES an engine process is, counted from 0; it runs its share.",
    )
    engine_bind: str = Field(
        "",
        validation_alias="ENGINE_BIND",
        description="`host:port` on which the engine listens besides its Unix socket, for nginx or another host. Empty: Unix socket only.",
    )
    analysis_threads: int = Field(
        2, ge=1, le=32, validation_alias="ANALYSIS_THREADS", description="Analyzers that may run at the same moment in an engine."
    )
    inference_threads: int = Field(
        0,
        ge=0,
        le=256,
        validation_alias="INFERENCE_THREADS",
        description="Cores that all models of an engine may use together. 0: three quarters of them, one at least.",
    )
    triton_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="TRITON_URL",
        description="`http(s)://[user:password@]host:port` of a Triton server; models that it has under the name of their file run there.",
    )
    cost_preview: bool = Field(
        True,
        validation_alias="COST_PREVIEW",
        description="Measure once, in the background, what every filter and analyzer costs on this machine, and show it at its switch.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> "Settings":
        """Read the settings; `overrides` by field name win (for tests and tools).

        Args:
            environ: instead of the process's own environment and `.env`; for tests.

        Raises:
            Invalid: a value is wrong; the message names the variable, never the value.
        """
        aliases = {_variables(name)[0]: value for name, value in overrides.items()}
        try:
            if environ is None:
                return cls(**aliases)
            return cls(_env_file=None, **(_known(environ) | aliases))
        except ValidationError as err:
            first = err.errors(include_input=False, include_url=False)[0]
            name, reason = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
            raise Invalid(f"Setting {name}: {reason}" if name else f"{reason}.", code="bad_setting", field=name) from None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource, file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        assert isinstance(env_settings, EnvSettingsSource)
        return init_settings, env_settings, dotenv_settings

    @model_validator(mode="after")
    def _check_auth(self) -> "Settings":
        if self.auth == "off" and not is_loopback_host(self.host):
            raise ValueError("AUTH=off is only allowed when HOST is a loopback address")
        return self

    @field_validator("camera_allow_networks")
    @classmethod
    def _check_networks(cls, text: str) -> str:
        try:
            _networks(text)
        except ValueError:
            raise ValueError("must be networks such as 169.254.10.0/24, separated by commas") from None
        return text

    @field_validator("triton_url")
    @classmethod
    def _check_triton_url(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be http://host:port or https://host:port")
        return url

    @field_validator("public_url", "runpod_endpoint_base_url")
    @classmethod
    def _check_web_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be an address such as https://host/path")
        return text.rstrip("/")

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """CAMERA_ALLOW_NETWORKS, taken apart."""
        return _networks(self.camera_allow_networks)

    @property
    def database(self) -> str:
        """SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'sightline.db').absolute()}"

    @property
    def media_folders(self) -> tuple[Path, ...]:
        """Absolute folders from which file sources may be opened."""
        named = [Path(p) for p in self.media_dirs.split(":") if p] or [self.data_dir / "uploads"]
        return tuple(path.absolute() for path in named)

    @property
    def engine_socket(self) -> Path:
        """Path of the local engine's Unix socket, short enough for the kernel."""
        path = (self.data_dir / "run" / "engine.sock").absolute()
        if len(os.fsencode(path)) <= UNIX_PATH_MAX_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"sightline-{os.getuid()}-{digest}" / "engine.sock"

    @property
    def engine_addresses(self) -> tuple[str, ...]:
        """`unix:/path` or `http://host:port`, one per engine."""
        named = tuple(a.strip() for a in self.engines.split(",") if a.strip())
        return named or (f"unix:{self.engine_socket}",)

    @field_validator("models_mirror")
    @classmethod
    def _check_mirror(cls, text: str) -> str:
        if "://" in text and not text.startswith(("http://", "https://", "s3://")):
            raise ValueError("must be a folder, an http(s) address or s3://bucket/prefix")
        if text.startswith("s3://") and not text.removeprefix("s3://").partition("/")[0]:
            raise ValueError("must name a bucket after s3://")
        return text

    @property
    def models_mirror_folder(self) -> Path | None:
        """MODELS_MIRROR when it is a folder."""
        return Path(self.models_mirror) if self.models_mirror and "://" not in self.models_mirror else None

    @property
    def models_mirror_url(self) -> str:
        """MODELS_MIRROR when it is the address of a web server, else empty."""
        return self.models_mirror if self.models_mirror.startswith(("http://", "https://")) else ""

    @property
    def models_mirror_bucket(self) -> tuple[str, str] | None:
        """MODELS_MIRROR when it is `s3://bucket/prefix`: the bucket, and the prefix without slashes around it."""
        if not self.models_mirror.startswith("s3://"):
            return None
        bucket, _, prefix = self.models_mirror.removeprefix("s3://").partition("/")
        return bucket, prefix.strip("/")

    @property
    def s3_endpoint(self) -> str:
        """Where S3 is; empty: AWS."""
        return self.s3_endpoint_url or self.aws_endpoint_url

    @cached_property
    def signing_key(self) -> str:
        """SECRET_KEY, or the generated one in DATA_DIR/secret_key. All processes of one installation share it."""
        given = self.secret_key.get_secret_value()
        return given or read_or_create_secret(self.data_dir / "secret_key", lambda: secrets.token_hex(32))

    def derived_key(self, purpose: str) -> str:
        """A key for one purpose (engine, media, session), so that no key serves two."""
        return hmac.new(self.signing_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _variables(field_name: str) -> tuple[str, ...]:
    """The environment variables of a field, the documented one first."""
    alias = Settings.model_fields[field_name].validation_alias
    return tuple(str(name) for name in alias.choices) if isinstance(alias, AliasChoices) else (str(alias),)


def _known(environ: Mapping[str, str]) -> dict[str, str]:
    names = {name for field_name in Settings.model_fields for name in _variables(field_name)}
    return {name: value for name, value in environ.items() if name in names and value != ""}
