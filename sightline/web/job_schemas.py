"""The shapes of requests and answers about batch jobs and uploads in parts; as `schemas`, of which they are a part."""

from typing import Annotated, Any, Literal

from pydantic import Field

from sightline.web.schemas import Answer, Body, EpochSeconds, PageSize, PositiveInt, Query

Url = Annotated[str, Field(min_length=1, max_length=2048)]


class JobPath(Query):
    job_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,32}$", description="Id of a job")]


class CallPath(Query):
    token: Annotated[str, Field(max_length=200, description="Of one attempt at one job")]


class OutputPath(JobPath):
    name: Annotated[str, Field(max_length=200)]


JobStatus = Literal["queued", "running", "waiting_external", "succeeded", "failed", "cancelled", "timed_out", "expired"]


class JobsQuery(Query):
    limit: PageSize = 50
    before: Annotated[EpochSeconds | None, Field(description="`next` of the page before")] = None
    status: JobStatus | None = None
    kind: Annotated[str | None, Field(max_length=32)] = None
    q: Annotated[str | None, Field(max_length=100, description="Part of the name of a file that went in")] = None


class AssetJobBody(Body):
    asset_ids: Annotated[list[str], Field(min_length=1, max_length=50)]
    kind: str
    params: dict[str, Any] = Field(default_factory=dict)


class UrlJobBody(Body):
    urls: Annotated[list[Url], Field(min_length=1, max_length=50, description="Addresses of video files (https or http)")]
    kind: str
    params: dict[str, Any] = Field(default_factory=dict)


class ProcessVideoBody(Body):
    video_url: Url
    processing_type: Literal["analyze", "transcode"] = "analyze"


class ProcessingPath(Query):
    processing_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,32}$", description="Id of a job")]


class AgainBody(Body):
    params: dict[str, Any] = Field({}, description="Parameters that change; the others stay")


class PinBody(Body):
    pinned: bool = True


class PartsUploadPath(Query):
    upload_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="Id of an upload in parts")]


class AssetPath(Query):
    asset_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Id of an uploaded video")]


class S3UploadBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=255, description="What the file is called")]
    size_bytes: Annotated[int, Field(ge=0, le=5 * 2**40)]


class PartNumbersBody(Body):
    numbers: Annotated[list[PositiveInt], Field(min_length=1, max_length=100, description="Parts that need an address")]


class PartBody(Body):
    number: PositiveInt
    etag: Annotated[str, Field(min_length=1, max_length=200, description="As S3 answered")]


class PartsBody(Body):
    parts: list[PartBody] = Field(default_factory=list, max_length=10_000, description="Empty: S3 is asked what it has")


class ShotPath(JobPath):
    number: Annotated[int, Field(ge=1, le=100_000, description="Of the shot, as on the contact sheet")]


class ShotList(Answer):
    means: Annotated[dict[str, str], Field(description="What was told by what")]
    shots: Annotated[list[dict[str, Any]], Field(description="number, room, score, parts, reasons, left_out_because, picture, …")]
    pins: str
    bans: str
    order: str
