"""A video in the bucket becomes one job, whatever S3 tells of it and how often."""

from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_functions.s3_event.handler import handle
from sightline.jobs.remote.arrivals import NEWEST, Arrival, arrivals_of
from sightline.jobs.remote.payload import read_payload
from sightline.records.jobs import JobState
from sightline.storage.choice import videos_bucket
from tests.clips import make_clip
from tests.jobs.job_kinds import kinds  # noqa: F401 - fixture
from tests.jobs.remote.aws_world import MACHINE, VIDEOS, aws_world
from tests.stand_ins.lambda_runtime import Context, FunctionFailed

KEY = "videos/incoming/my house/första+1.mp4"


def record(key=KEY, *, bucket=VIDEOS, size=1000, etag="e1", sequencer="0055AED6DCD90281E5", name="ObjectCreated:Put", **more):
    told = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "sequencer": sequencer, **more}
    return {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-11-21T08:00:00.000Z",
        "eventName": name,
        "s3": {"configurationId": "jobs", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": told},
    }  # fmt: skip


def event(*records):
    return {"Records": list(records)}


@pytest.fixture(params=["function", "machine"])
def aws(tmp_path, monkeypatch, request):
    machine = {"STATE_MACHINE_ARN": MACHINE} if request.param == "machine" else {}
    with aws_world(tmp_path, S3_EVENT_KIND="double", **machine) as world:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        yield world


def ended(aws):
    aws.runtime.join()
    for execution in aws.server.machines.executions.values():
        execution.thread.join(60)


def runs(aws):
    return [told["job_id"] for name, told in aws.runtime.calls if name == "run_job"]


def test_a_video_becomes_a_job_that_reads_it(aws, kinds, tmp_path):  # noqa: F811
    clip = make_clip(tmp_path / "a.mp4", 3)
    stored = videos_bucket(aws.settings).put(KEY, clip, "video/mp4")
    (job_id,) = handle(event(record(size=stored.size_bytes, name="ObjectCreated:CompleteMultipartUpload")), Context())["jobs"]
    ended(aws)
    task = read_payload(aws.files(job_id).payload())
    (one,) = task.inputs
    assert (task.kind, one.name, one.origin) == ("double", "första+1.mp4", f"storage:{KEY}")
    assert aws.files(job_id).result().state == JobState.SUCCEEDED
    assert aws.storage.get(f"jobs/{job_id}/result.txt") == b"abc"


def test_the_same_news_twice_is_one_job(aws, kinds, tmp_path):  # noqa: F811
    videos_bucket(aws.settings).put(KEY, make_clip(tmp_path / "a.mp4", 3), "video/mp4")
    first = handle(event(record(), record()), Context())["jobs"]
    ended(aws)
    again = handle(event(record()), Context())["jobs"]
    ended(aws)
    assert len({*first, *again}) == 1
    assert kinds.done.count("c") == 1


def test_an_older_version_that_is_told_of_late_is_left(aws, kinds):  # noqa: F811
    newer, older = record(etag="e2", sequencer="0055AF"), record(etag="e1", sequencer="0055AED6DCD90281E5")
    (job_id,) = handle(event(newer), Context())["jobs"]
    assert handle(event(older), Context())["jobs"] == []
    ended(aws)
    assert set(runs(aws)) == {job_id}


STRANGE = (
    record("videos/ours.mp4"),
    record("jobs/a1b2/film.mp4"),
    record("videos/incoming/notes.txt"),
    record("videos/incoming/empty.mp4", size=0),
    record("videos/incoming/huge.mp4", size=10**13),
    record(bucket="elsewhere"),
    record(name="ObjectRemoved:Delete"),
    {**record(), "eventSource": "aws:sqs"},
)


def test_what_is_no_video_for_us_is_left(aws):
    assert [handle(event(strange), Context()) for strange in STRANGE] == [{"jobs": []}] * len(STRANGE)
    ended(aws)
    assert runs(aws) == []
    assert not aws.storage.list(NEWEST)


def test_the_message_by_which_s3_tests_the_way(aws):
    assert handle({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": VIDEOS}, Context()) == {"jobs": []}


def test_a_refusal_is_raised_when_all_others_have_been_seen_to(aws, kinds):  # noqa: F811
    aws.runtime.faults = ["throttle"]
    with pytest.raises(FunctionFailed, match="StorageError"):
        aws.runtime.call("s3_event", event(record("videos/incoming/a.mp4"), record("videos/incoming/b.mp4")))
    assert len(handle(event(record("videos/incoming/a.mp4"), record("videos/incoming/b.mp4")), Context())["jobs"]) == 2
    ended(aws)
    assert len(set(runs(aws))) == 2


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_every_key_is_read_as_it_was_written(name):
    (found,) = arrivals_of(event(record(f"videos/incoming/{name}.mp4")))
    assert found.key == f"videos/incoming/{name}.mp4"


@given(st.lists(st.from_regex(r"\A[0-9A-F]{1,24}\Z"), min_size=1, max_size=6, unique_by=lambda s: s.rstrip("0")))
def test_versions_come_in_their_order(sequencers):
    found = arrivals_of(event(*(record(sequencer=one, etag=one) for one in sequencers)))
    numbers = [int(one.sequencer.ljust(24, "0"), 16) for one in found]
    assert numbers == sorted(numbers)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_a_job_is_named_after_the_object_and_its_version(one, other):
    ids = {Arrival("videos", key.replace("\n", " "), version.replace("\n", " "), 1, "").job_id for key, version in (one, other)}
    assert len(ids) == len({(k.replace("\n", " "), v.replace("\n", " ")) for k, v in (one, other)})
