"""The tables. Times are epoch seconds (float), so that they mean the same in SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = BigInteger().with_variant(Integer, "sqlite")
NO_REUSE = {"sqlite_autoincrement": True}
"""SQLite would give a deleted row's id to the next one: an old token or cached picture must not point at somebody else's."""


class Base(DeclarativeBase):
    """Root of all tables."""


class UserRow(Base):
    __tablename__ = "users"
    __table_args__ = NO_REUSE

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    role: Mapped[str] = mapped_column(String(16))
    cameras: Mapped[list[str] | None] = mapped_column(JSON, default=None)
    """Ids of the cameras this user may see; None = all."""
    token_version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts up to invalidate all sessions and tokens of the user."""
    created_at: Mapped[float] = mapped_column(Float)


class CameraRow(Base):
    __tablename__ = "cameras"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(Text)
    """With its credentials; leaves the server redacted only."""
    source_options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """{"rtsp_transport": "tcp"|"udp", "loop": true}"""
    is_running: Mapped[bool] = mapped_column(Boolean, default=True)
    """What the operator wants; the state of the moment is the engine's."""
    chain: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    position: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Float)


class FrameRow(Base):
    """A frame that somebody kept."""

    __tablename__ = "frames"
    __table_args__ = (Index("frames_by_camera", "camera_id", "captured_at"), NO_REUSE)

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(32))
    view: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(256), unique=True)
    """Name in storage."""
    storage: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    width_px: Mapped[int] = mapped_column(Integer)
    height_px: Mapped[int] = mapped_column(Integer)
    captured_at: Mapped[float] = mapped_column(Float)
    findings: Mapped[list[Any]] = mapped_column(JSON, default=list)


class OutboxRow(Base):
    """An upload that must reach S3, now or later; delivered in order of id."""

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_by_state", "state", "id"), NO_REUSE)

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    bucket: Mapped[str] = mapped_column(String(128))
    key: Mapped[str] = mapped_column(String(512))
    path: Mapped[str] = mapped_column(Text)
    """Local file that holds the bytes until they are delivered."""
    content_type: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default="queued")
    """queued | delivered | failed (permanent)"""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    url: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float] = mapped_column(Float)
    delivered_at: Mapped[float | None] = mapped_column(Float, default=None)


class EventRow(Base):
    """Something that happened: a camera lost, motion began, a degradation."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_camera", "camera_id", "at"), Index("events_by_time", "at"), NO_REUSE)

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(48))
    """Dotted, e.g. `camera.stalled`, `motion.started`, `analysis.slowed`."""
    message: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Float)
    pts_ns: Mapped[int | None] = mapped_column(BigInteger, default=None)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class AssetRow(Base):
    """An uploaded video."""

    __tablename__ = "assets"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    file_name: Mapped[str] = mapped_column(String(160))
    """The safe name under DATA_DIR/uploads."""
    original_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    duration_s: Mapped[float | None] = mapped_column(Float, default=None)
    width_px: Mapped[int] = mapped_column(Integer)
    height_px: Mapped[int] = mapped_column(Integer)
    codec: Mapped[str] = mapped_column(String(32))
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), default=None)
    created_at: Mapped[float] = mapped_column(Float)
    storage_key: Mapped[str | None] = mapped_column(String(256), default=None)
    """Of a video that lies in S3 and not under DATA_DIR."""


class UploadRow(Base):
    """An upload in parts that is under way: it may be taken up again until it expires."""

    __tablename__ = "uploads"
    __table_args__ = (Index("uploads_by_expiry", "expires_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    way: Mapped[str] = mapped_column(String(8))
    """tus | s3"""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), default=None)
    name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the way needs to go on. tus: {}; s3: {"key", "upload_id", "part_bytes"}"""
    asset_id: Mapped[str] = mapped_column(String(32), default="")
    """The video it became; empty until it is whole."""
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)


class LoginAttemptRow(Base):
    """Failed logins, for the rate limit; in the database so that a restart does not forget them."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("login_attempts_by_who", "who", "at"), NO_REUSE)

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    who: Mapped[str] = mapped_column(String(160))
    """`user:NAME` or `ip:ADDRESS`."""
    at: Mapped[float] = mapped_column(Float)


class PresetRow(Base):
    """A preset that somebody saved."""

    __tablename__ = "presets"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    """The name in one case."""
    name: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    others_off: Mapped[bool] = mapped_column(Boolean, default=False)
    filter_order: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[float] = mapped_column(Float)


class IdentityRow(Base):
    """A person that is recognised."""

    __tablename__ = "identities"
    __table_args__ = NO_REUSE

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(240), unique=True)
    """The name without upper and lower case, so that nobody is entered twice."""
    created_at: Mapped[float] = mapped_column(Float)


class FaceSampleRow(Base):
    """What one picture of a face came to. The picture itself is never kept."""

    __tablename__ = "face_samples"
    __table_args__ = (Index("face_samples_by_identity", "identity_id"), NO_REUSE)

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    identity_id: Mapped[int] = mapped_column(ID, ForeignKey("identities.id", ondelete="CASCADE"))
    model: Mapped[str] = mapped_column(String(64))
    """Of the network that made the embedding; those of different networks cannot be compared."""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """float32, little endian"""
    created_at: Mapped[float] = mapped_column(Float)


class JobRow(Base):
    """A batch job. This row is the truth about it; whoever runs it writes only while `attempt` is still its own."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_state", "state", "not_before"), Index("jobs_by_time", "created_at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(20))
    inputs: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """[{"name", "path" below DATA_DIR, "sha256", "bytes"}]"""
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), default=None)
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True, default=None)
    """`USER:KEY`"""
    request_sha256: Mapped[str] = mapped_column(String(64), default="")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """Counts up with every claim: the fence against a runner that was given up."""
    failures: Mapped[int] = mapped_column(Integer, default=0)
    """Attempts that ended without the job's own fault (worker lost, transient error), since it was last queued by a person."""
    lease_owner: Mapped[str] = mapped_column(String(80), default="")
    lease_until: Mapped[float] = mapped_column(Float, default=0.0)
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    is_cancel_wanted: Mapped[bool] = mapped_column(Boolean, default=False)
    is_pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    timeout_s: Mapped[float] = mapped_column(Float)
    stages: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """[{"name", "label", "weight", "state", "progress", "started_at", "ended_at", "message"}]"""
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    """0..100, never falls within an attempt."""
    outputs: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """[{"name", "key", "bytes", "sha256", "content_type"}]"""
    notices: Mapped[list[Any]] = mapped_column(JSON, default=list)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    """{"code", "message", "stage", "detail"}"""
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float, default=None)
    ended_at: Mapped[float | None] = mapped_column(Float, default=None)


class ExternalRunRow(Base):
    """One attempt at a job that was handed to another machine."""

    __tablename__ = "external_runs"
    __table_args__ = (Index("external_runs_by_look", "look_at"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    carrier: Mapped[str] = mapped_column(String(16))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the token in the address that the machine may call when it is done."""
    external_id: Mapped[str] = mapped_column(String(256), default="")
    """Its name over there; empty while it is not known whether the handing over arrived."""
    state: Mapped[str] = mapped_column(String(32), default="")
    """What the other side last called it."""
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    """Of the newest word on its progress: they may arrive in any order."""
    submitted_at: Mapped[float] = mapped_column(Float)
    begun_at: Mapped[float | None] = mapped_column(Float, default=None)
    """When it was first seen at work."""
    look_at: Mapped[float] = mapped_column(Float)
    """When to ask how it is."""


class WebhookRow(Base):
    """An address of others that hears of ended jobs."""

    __tablename__ = "webhooks"
    __table_args__ = NO_REUSE

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(128))
    """`whsec_…`; signs what is sent."""
    is_on: Mapped[bool] = mapped_column(Boolean, default=True)
    listens_since: Mapped[float] = mapped_column(Float)
    """It is not told of jobs that ended before: they ended before it was added, or while it was off."""
    created_at: Mapped[float] = mapped_column(Float)


class WebhookDeliveryRow(Base):
    """One message for one address."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "message_id"),
        Index("webhook_deliveries_by_next", "state", "next_at"),
        NO_REUSE,
    )

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    """waiting | delivered | failed"""
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[float] = mapped_column(Float)
    answer: Mapped[str] = mapped_column(String(200), default="")
    """What came of the last try."""
    created_at: Mapped[float] = mapped_column(Float)


class CounterMinuteRow(Base):
    """What one counter of a camera came to in one minute."""

    __tablename__ = "counter_minutes"
    __table_args__ = (Index("counter_minutes_by_minute", "minute"),)

    camera_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """zone | line | class"""
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    minute: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Epoch minutes."""
    highest: Mapped[int] = mapped_column(Integer)
    """Most at once."""
    arrived: Mapped[int] = mapped_column(Integer)
    """Entered the zone, crossed the line inwards, or a new thing of the class."""
    departed: Mapped[int] = mapped_column(Integer)
