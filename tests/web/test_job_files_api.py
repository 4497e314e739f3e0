"""Everything of a job as one zip, the shots of a showcase, and finding a job by the name of a file."""

import hashlib
import io
import json
import zipfile

import pytest

from sightline.errors import NotFound, StorageError
from sightline.jobs.kinds.showcase.duplicates import Look
from sightline.jobs.kinds.showcase.movement import Movement
from sightline.jobs.kinds.showcase.quality import Quality
from sightline.jobs.kinds.showcase.rooms import RoomGuess
from sightline.jobs.kinds.showcase.shot import Shot, write_shots
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import JobInput, NewJob
from sightline.storage import results_storage
from sightline.web import job_files
from sightline.web.job_files import zip_of
from tests.web.callers import assert_problem

FILES = {"film.mp4": b"film" * 1000, "hls/480p/seg 1.ts": b"segment", "manifest.json": b"{}"}


@pytest.fixture
def make_job(parts):
    """`make_job(names, files)`: a job of a showcase that has ended with these results; deleted afterwards."""
    made = []

    def make(names=("garden.mp4",), files=None, owner_id=None):
        inputs = [JobInput(name, f"jobs/x/inputs/{name}", "", 1) for name in names]
        job, _ = parts.jobs.jobs.add(NewJob("showcase", inputs, {"pins": "2"}, owner_id, 60))
        claimed = parts.jobs.jobs.claim("me", 60, job.created_at + 1, job.id)
        storage = results_storage(parts.settings)
        outputs = []
        for name, content in (files or {}).items():
            stored = storage.put(f"jobs/{job.id}/{name}", content, "video/mp4")
            outputs.append(job_files.JobOutput(name, stored.key, stored.size_bytes, stored.sha256, "video/mp4"))
        made.append(parts.jobs.jobs.succeed(job.id, claimed.attempt, outputs))
        return made[-1]

    yield make
    for job in made:
        parts.jobs.delete(job.id)


def test_everything_as_a_zip(operator, make_job):
    job = make_job(files=FILES)
    answer = operator.get(f"/api/v1/jobs/{job.id}/outputs.zip")
    assert answer.status_code == 200 and f"showcase-{job.id}.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("sightline-manifest.json"))
        assert {name: archive.read(name) for name in FILES} == FILES
    told = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert told == {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert answer.data == operator.get(f"/api/v1/jobs/{job.id}/outputs.zip").data


def test_a_large_result_is_written_as_zip64(make_job, parts, monkeypatch):
    monkeypatch.setattr(job_files, "ZIP64_FROM_BYTES", 1)
    job = make_job(files={"film.mp4": b"film" * 600_000})
    pieces = list(zip_of(job, parts.settings))
    assert max(map(len, pieces)) < 1_100_000 < sum(map(len, pieces))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.read("film.mp4") == b"film" * 600_000
        assert archive.getinfo("film.mp4").extract_version == zipfile.ZIP64_VERSION


def test_results_that_are_gone_or_damaged_make_no_zip(operator, make_job, parts):
    job, empty = make_job(files=FILES), make_job()
    storage = results_storage(parts.settings)
    assert_problem(operator.get(f"/api/v1/jobs/{empty.id}/outputs.zip"), 404, "output_not_found")
    storage.put(job.outputs[0].key, b"other", "video/mp4")
    with pytest.raises(StorageError, match="damaged"):
        list(zip_of(job, parts.settings))
    storage.delete(job.outputs[0].key)
    with pytest.raises(NotFound):
        zip_of(job, parts.settings)
    assert_problem(operator.get(f"/api/v1/jobs/{job.id}/outputs.zip"), 404, "output_not_found")


def test_shots_and_their_pictures(operator, make_job, parts):
    job = make_job()
    assert_problem(operator.get(f"/api/v1/jobs/{job.id}/shots"), 404, "no_shots")
    workspace = Workspace(parts.settings, job.id)
    (workspace.stage("look") / "pictures").mkdir(parents=True)
    (workspace.stage("look") / "pictures" / "0001.jpg").write_bytes(b"jpeg")
    workspace.stage("select").mkdir(parents=True)
    shot = {"number": 1, "input": 0, "room": "kitchen", "picture": "pictures/0001.jpg", "is_chosen": True}
    gone = {**shot, "number": 2, "picture": "pictures/0002.jpg"}
    selection = {"version": 1, "means": {"rooms": "objects"}, "shots": [shot, gone]}
    (workspace.stage("select") / "selection.json").write_text(json.dumps(selection))
    told = operator.get(f"/api/v1/jobs/{job.id}/shots").json
    assert (told["pins"], told["bans"], told["means"]) == ("2", "", {"rooms": "objects"})
    first = told["shots"][0]
    assert (first["input_name"], first["room"]) == ("garden.mp4", "kitchen")
    with operator.get(first["picture"]) as picture:
        assert (picture.status_code, picture.mimetype, picture.data) == (200, "image/jpeg", b"jpeg")
    assert_problem(operator.get(told["shots"][1]["picture"]), 404, "no_shots")
    assert_problem(operator.get(f"/api/v1/jobs/{job.id}/shots/9/picture"), 404, "no_shots")


def test_shots_of_a_job_that_ran_elsewhere_and_of_one_that_chose_none(operator, make_job, parts):
    elsewhere = make_job(files={"selection.json": json.dumps({"means": {}, "shots": []}).encode()})
    assert operator.get(f"/api/v1/jobs/{elsewhere.id}/shots").json["shots"] == []
    none = make_job()
    folder = Workspace(parts.settings, none.id).stage("look")
    folder.mkdir(parents=True)
    assert_problem(operator.get(f"/api/v1/jobs/{none.id}/shots"), 404, "no_shots")
    guess, quality, movement = RoomGuess("kitchen", 0.8, "objects", {}), Quality(*[0.5] * 7), Movement("static", 0, 0)
    shot = Shot(0, 0.0, 0.5, 0, "start", guess, {}, quality, movement, 0.2, (), Look(0, ()), "pictures/0001.jpg")
    write_shots(folder, [shot], {"rooms": "objects"})
    (told,) = operator.get(f"/api/v1/jobs/{none.id}/shots").json["shots"]
    assert (told["is_chosen"], told["left_out_code"], told["room"]) == (False, "too_short", "kitchen")


def test_a_job_is_found_by_the_name_of_a_file(operator, make_job, parts):
    user_id = parts.users.by_name("operator").id
    garden, kitchen = make_job(owner_id=user_id), make_job(("Hall.mp4", "GROẞE KÜCHE.mov"))

    def found(text, **more):
        told = operator.get("/api/v1/jobs/", query_string={"q": text, **more}).json
        return [job["job_id"] for job in told["jobs"]], told

    assert found("küche")[0] == [kitchen.id]
    assert found("grosse")[0] == [kitchen.id]
    assert found(".M", limit=1)[0] == [kitchen.id]
    assert found(".M", before=kitchen.created_at)[0] == [garden.id]
    assert found("attic")[0] == []
    told = found("GARDEN")[1]
    assert told["jobs"][0]["owner_id"] == user_id and told["owners"] == {str(user_id): "operator"}
    assert operator.get(f"/api/v1/jobs/{garden.id}").json["owners"] == {str(user_id): "operator"}


def test_results_are_for_operators(viewer, nobody, make_job):
    job = make_job(files=FILES)
    for path in ("outputs.zip", "shots", "shots/1/picture"):
        assert_problem(viewer.get(f"/api/v1/jobs/{job.id}/{path}"), 403)
        assert_problem(nobody.get(f"/api/v1/jobs/{job.id}/{path}"), 401)
