"""The shapes of requests and answers, for validation and for `/openapi.json`. Pydantic stays in here and in the views."""

from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from sightline.media.chain import AnalysisMode

CameraId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="Id of a camera")]
View = Literal["processed", "raw"]
RowId = Annotated[int, Field(ge=0, le=2**63 - 1, description="What a database counts to; a larger number is no row of ours")]
Position = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
PositiveInt = Annotated[int, Field(ge=1, le=2**63 - 1)]
PageSize = Annotated[int, Field(ge=1, le=500)]
EpochSeconds = Annotated[float, Field(ge=0, le=10_000_000_000, allow_inf_nan=False)]


class Body(BaseModel):
    """A JSON object in a request. An empty body is an empty object; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_object(cls, value: Any) -> Any:
        return {} if value is None else value


class Query(BaseModel):
    """Parameters of a query or path."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """A JSON object in an answer; more members may come with later versions."""

    model_config = ConfigDict(extra="allow")


class Problem(Answer):
    """Every error: RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    success: Literal[False] = False
    message: str


class Done(Answer):
    """It worked."""

    success: bool = True
    message: str = ""


class Credentials(Body):
    username: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=1024)]


class NewPassword(Body):
    old: Annotated[str, Field(max_length=1024)]
    new: Annotated[str, Field(max_length=1024)]


class LoggedIn(Answer):
    success: bool = True
    user: dict[str, Any]
    csrf_token: str


class Me(Answer):
    username: str
    role: str
    cameras: list[str] | None
    csrf_token: str


class BearerToken(Answer):
    access_token: str
    token_type: str = "bearer"
    expires_in: int


class UserPath(Query):
    user_id: RowId


class NewUser(Body):
    username: str
    password: Annotated[str, Field(max_length=1024)]
    role: Literal["viewer", "operator", "admin"] = "viewer"
    cameras: list[CameraId] | None = None


class UserChange(Body):
    username: str | None = None
    password: Annotated[str | None, Field(max_length=1024)] = None
    role: Literal["viewer", "operator", "admin"] | None = None
    cameras: list[CameraId] | None = None


class CameraPath(Query):
    camera_id: CameraId


SourceOptionMap = Annotated[
    dict[str, Any], Field(description="How the source is opened, e.g. {'rtsp_transport': 'udp'} or {'loop': false}")
]
Source = Annotated[str, Field(min_length=1, max_length=2048, description="rtsp://…, http://…, /dev/video0, a file name, or demo:")]
Name = Annotated[str, Field(min_length=1, max_length=80)]
FlatOptions = Annotated[dict[str, Any], Field(description="Flat options, e.g. {'grayscale': true, 'brightness': 20}")]


class NewCamera(Body):
    name: Name
    source: Source
    id: CameraId | None = None
    source_options: SourceOptionMap = Field(default_factory=dict)
    is_running: bool = True
    options: FlatOptions = Field(default_factory=dict)


class CameraChange(Body):
    name: Name | None = None
    source: Source | None = None
    source_options: SourceOptionMap | None = None
    is_running: bool | None = None
    position: Position | None = None


class ProbeRequest(Body):
    source: Source | None = None
    source_options: SourceOptionMap = Field(default_factory=dict)
    camera: CameraId | None = Field(None, description="Examine the source of this camera instead")


class CameraImport(Body):
    cameras: Annotated[list[dict[str, Any]], Field(max_length=1000)]
    presets: Annotated[list[dict[str, Any]], Field(max_length=1000)] = Field(default_factory=list)
    replace: bool = Field(False, description="Change cameras that exist already; otherwise they are left alone")


class CameraEntry(Body):
    """One camera of an export."""

    id: CameraId
    name: Name
    source: Source
    source_options: SourceOptionMap = Field(default_factory=dict)
    is_running: bool = True
    chain: dict[str, Any] = Field(default_factory=dict)
    position: Position = 0


class ExportQuery(Query):
    secrets: bool = Field(False, description="With the user names and passwords in the addresses")


class OptionsBody(RootModel[dict[str, Any]]):
    """A flat map of options; unknown names and bad values are refused."""

    model_config = ConfigDict(hide_input_in_errors=True)


class ChainBody(Body):
    processing: bool = True
    analysis: AnalysisMode = "beside"
    stages: list[dict[str, Any]]


class PresetPath(Query):
    name: Annotated[str, Field(max_length=200)]


class PresetBody(Body):
    name: Annotated[str, Field(max_length=200, description="Name of the preset")]
    preview: bool = Field(False, description="Change nothing; only tell what would change")


class PresetEntry(Body):
    """One preset of an export."""

    name: str
    description: str = ""
    options: FlatOptions = Field(default_factory=dict)
    others_off: bool = False
    order: Annotated[list[str], Field(description="Filters in the order in which they work")] = Field(default_factory=list)


class NewPreset(Body):
    name: Annotated[str, Field(max_length=200)]
    description: str = ""
    camera: CameraId | None = Field(None, description="Save what is on at this camera")
    options: FlatOptions | None = None
    others_off: bool = Field(False, description="Switch off what the preset does not name, but for the privacy blur")
    order: Annotated[list[str], Field(description="Filters in the order in which they work")] = Field(default_factory=list)
    with_shapes: bool = Field(False, description="With the zones and lines drawn on that camera's picture")
    replace: bool = Field(False, description="Take the place of the preset of that name")


class PresetView(Answer):
    name: str
    description: str
    options: dict[str, Any]
    others_off: bool
    order: list[str]
    is_builtin: bool


class PresetList(Answer):
    presets: list[PresetView]


class StageCosts(Answer):
    enabled: bool
    stages: dict[str, dict[str, Any]]
    cores: int
    busy_cores: Annotated[float, Field(description="Cores that the engine uses now")]
    measuring: bool
    left: int


class ProcessingBody(Body):
    enabled: bool | None = Field(None, description="Absent: flip")


class SaveFrameBody(Body):
    view: View = "processed"


class DefaultSaveFrameBody(SaveFrameBody):
    camera: CameraId = "default"


class BoxBody(Body):
    bbox: Annotated[list[float], Field(min_length=4, max_length=4, description="[x, y, width, height] in pixels")]
    view: View = Field("raw", description="The picture that the box was drawn on: filters may move what the processed one shows")


class StartCameraBody(Body):
    camera_index: int | str | None = None
    source: str | None = None


class PictureQuery(Query):
    view: View = "processed"
    width: Annotated[int | None, Field(ge=16, le=3840)] = None
    quality: Annotated[int | None, Field(ge=1, le=100)] = None


class StreamQuery(PictureQuery):
    fps: Annotated[float | None, Field(ge=0.1, le=120, allow_inf_nan=False)] = None
    attempt: Annotated[int | None, Field(ge=0, exclude=True)] = None
    """Without effect; browsers take another number for another stream, instead of reusing one that has ended."""


class DefaultStreamQuery(StreamQuery):
    camera: CameraId = "default"


class FramesQuery(Query):
    camera: CameraId | None = None
    limit: PageSize = 50
    before: PositiveInt | None = None


class EventsQuery(FramesQuery):
    kind: Annotated[str | None, Field(max_length=48)] = None
    from_at: Annotated[EpochSeconds | None, Field(alias="from", description="Not before this moment")] = None
    to_at: Annotated[EpochSeconds | None, Field(alias="to", description="Before this moment")] = None


class CountersQuery(Query):
    from_at: Annotated[EpochSeconds | None, Field(alias="from", description="Absent: a day before `to`")] = None
    to_at: Annotated[EpochSeconds | None, Field(alias="to", description="Absent: now")] = None
    step: Annotated[int, Field(ge=60, le=7 * 86_400, description="Seconds; a multiple of 60")] = 900


class CounterStep(Answer):
    at: Annotated[float, Field(description="Beginning of the step, epoch seconds")]
    highest: Annotated[int, Field(description="Most at once")]
    arrived: Annotated[int, Field(description="Entered the zone, crossed the line inwards, new of the class")]
    departed: Annotated[int, Field(description="Left the zone, crossed the line outwards")]


class CounterOverTime(Answer):
    kind: Literal["zone", "line", "class"]
    name: str
    points: Annotated[list[CounterStep], Field(description="Steps in which nothing was counted are absent")]


class Counted(Answer):
    camera: str
    from_at: Annotated[float, Field(alias="from")]
    to_at: Annotated[float, Field(alias="to")]
    step: int
    counters: list[CounterOverTime]


class PageQuery(Query):
    limit: PageSize = 100
    before: PositiveInt | None = None


class FramePath(Query):
    frame_id: RowId


class UploadPath(Query):
    upload_id: RowId


class FileNamePath(Query):
    filename: str


class StreamConfigBody(Body):
    kinesis_stream: Annotated[str | None, Field(max_length=128)] = None
    s3_bucket: Annotated[str | None, Field(max_length=128)] = None
    aws_region: Annotated[str | None, Field(max_length=32)] = None
    streaming_enabled: bool | None = None


class ExportBody(Body):
    format: Literal["json", "csv"] = "json"


class LicenceBody(Body):
    accept_licence: bool = Field(False, description="Yes to a licence that binds whoever offers the model over a network (AGPL)")


class ModelDownloadBody(LicenceBody):
    name: Annotated[str | None, Field(max_length=80)] = None


class ModelPath(Query):
    name: Annotated[str, Field(max_length=80, description="Name of a model in the manifest")]


class ModelView(Answer):
    """One weight file of the manifest."""

    name: str
    file: str
    purpose: str
    licence: str
    is_extra: Annotated[bool, Field(description="Its licence must be accepted with accept_licence")]
    bytes: int
    group: str
    state: Literal["here", "mirror", "missing", "downloading", "cancelling", "failed", "damaged"]
    message: str
    done_bytes: int
    total_bytes: int
    can_remove: bool
    places: Annotated[list[str], Field(description="Where it can be downloaded from, in the order in which they are asked")]
    stages: Annotated[list[dict[str, Any]], Field(description="Filters and analyzers that can use it")]
    running: Annotated[dict[str, Any] | None, Field(description="What runs it now, with the milliseconds of a run")]


class ModelList(Answer):
    models: list[ModelView]
    has_mirror: bool
    sync: dict[str, Any]


class IdentityPath(Query):
    identity_id: RowId


class IdentityName(Body):
    name: Annotated[str, Field(max_length=200)]


class FaceBody(Body):
    face: Annotated[str, Field(max_length=64, description="Key of a face that a camera has just seen")]
    name: Annotated[str | None, Field(max_length=200, description="Of a new person")] = None
    identity: Annotated[RowId | None, Field(description="The person to add the face to")] = None


class IdentityView(Answer):
    """A person that is recognised. Embeddings never leave the server."""

    id: int
    name: str
    samples: Annotated[int, Field(description="How many pictures were enrolled")]
    created_at: float
    models: list[str]
    needs_enrolment: Annotated[bool, Field(description="Enrolled with another model than the one that runs now")]
    last_seen: dict[str, Any] | None = None


class IdentityList(Answer):
    identities: list[IdentityView]
    model: Annotated[dict[str, Any] | None, Field(description="The recognition model that runs")]
    reason: Annotated[str | None, Field(description="Why nobody can be recognised now")]


class SeenFaces(Answer):
    jpeg_base64: str
    size: list[int]
    faces: Annotated[list[dict[str, Any]], Field(description="box, reason, face (key to enrol it), identity and name when known")]
    valid_s: float


class CameraView(Answer):
    """State and configuration of one camera."""

    id: str
    name: str
    kind: str
    is_running: bool
    state: Literal["idle", "connecting", "live", "stalled", "backoff", "ended", "stopped"]
    reason: str
    message: str
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    source: str
    options: dict[str, Any]
    is_default: bool
    mjpeg_url: str


class CameraList(Answer):
    cameras: list[CameraView]


class WebhookPath(Query):
    webhook_id: RowId


class DeliveryPath(WebhookPath):
    delivery_id: RowId


class NewWebhook(Body):
    url: Annotated[str, Field(min_length=1, max_length=2000, description="Where messages are sent, e.g. https://example.org/hook")]


class WebhookChange(Body):
    is_on: bool


class WebhookView(Answer):
    """An address that hears of ended jobs."""

    id: int
    url: Annotated[str, Field(description="Without what may be a password or token in it")]
    is_on: bool
    created_at: float
    delivered: int
    waiting: int
    failed: int


class WebhookMade(WebhookView):
    secret: Annotated[str, Field(description="Signs the messages (`whsec_…`); never shown again")]


class WebhookList(Answer):
    webhooks: list[WebhookView]
    events: list[str]


class WebhookDelivery(Answer):
    id: int
    message_id: Annotated[str, Field(description="Header `webhook-id`; the same over all tries")]
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    next_at: Annotated[float | None, Field(description="Next try, epoch seconds")]
    answer: Annotated[str, Field(description="What came of the last try")]
    created_at: float
    body: str


class WebhookDeliveries(Answer):
    deliveries: list[WebhookDelivery]
    next: int | None


class SystemQuery(Query):
    fresh: bool = Field(False, description="Look again, although somebody did a moment ago")


class SystemLine(Answer):
    """One thing that was looked at, in sentences."""

    name: str
    label: str
    state: Literal["ok", "better", "wrong"]
    detail: str
    changes: Annotated[str, Field(description="What works otherwise because of that")]
    todo: str
    command: str
    page: Annotated[str, Field(description="Page of the dashboard where it is done; empty: none")]


class SystemGroup(Answer):
    label: str
    lines: list[SystemLine]


class SystemReport(Answer):
    checked_at: float
    counts: Annotated[dict[str, int], Field(description="How many lines are ok, better and wrong")]
    groups: list[SystemGroup]


class DoctorReport(Answer):
    source: str
    ok: bool
    checks: list[dict[str, Any]]
    advice: list[str]


PROBLEMS: dict[Any, Any] = {"4XX": Problem, "5XX": Problem, "422": Problem}


def resource(name: str, import_name: str, description: str) -> APIBlueprint:
    """A blueprint whose routes are documented under one tag, with problem answers."""
    return APIBlueprint(name, import_name, abp_tags=[Tag(name=name, description=description)], abp_responses=PROBLEMS)
