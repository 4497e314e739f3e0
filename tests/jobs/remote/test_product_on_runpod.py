"""The whole product with JOB_CARRIER=runpod: web, worker, a bucket, and a RunPod that runs the handler of the image."""

import json
import os

import pytest

from benchmarks.tally import install_tally
from tests.clips import make_clip
from tests.jobs.conftest import BUCKET
from tests.running_product import start_product
from tests.stand_ins.runpod import ENDPOINT, KEY, RunPodServer
from tests.stand_ins.runpod_machine import machine

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


class Place:
    """A product, its bucket and its RunPod."""

    def __init__(self, tmp_path, root, s3, port: int) -> None:
        s3.start()
        bucket = {
            "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": BUCKET, "S3_ENDPOINT_URL": s3.url, "AWS_ACCESS_KEY_ID": "key-id",
            "AWS_SECRET_ACCESS_KEY": "very-secret", "DISK_RESERVE": "0",
        }  # fmt: skip
        packages = install_tally(tmp_path / "packages")
        self.machine_dir = tmp_path / "machine"
        self.runpod = RunPodServer(machine({**os.environ, **bucket, **packages, "DATA_DIR": str(self.machine_dir)}, root))
        self.product = start_product(
            tmp_path / "product", port, JOB_CARRIER="runpod", RUNPOD_ENDPOINT_BASE_URL=self.runpod.url, RUNPOD_API_KEY=KEY,
            RUNPOD_ENDPOINT_ID=ENDPOINT, PUBLIC_URL=f"http://127.0.0.1:{port}", JOB_SLOTS="0", **bucket, **packages,
        )  # fmt: skip
        self.client = self.product.login()
        self.clip = make_clip(tmp_path / "clip.mp4", 5).read_bytes()

    def send(self, **params: object) -> str:
        answer = self.client.post(
            "/api/v1/jobs/", data={"kind": "tally", "params": json.dumps(params)}, files={"files": ("clip.mp4", self.clip)}
        )  # fmt: skip
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def job(self, job_id: str) -> dict:
        return dict(self.client.get(f"/api/v1/jobs/{job_id}").json())

    def traces(self, number: int) -> list[str]:
        path = self.machine_dir / "traces" / str(number)
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        self.product.close()
        self.runpod.close()


@pytest.fixture
def place(tmp_path, root, s3, free_ports):
    made = Place(tmp_path, root, s3, free_ports())
    yield made
    made.close()


def test_jobs_run_there_and_their_results_are_here(place, wait_until):
    place.runpod.machines.clear()
    job_id = place.send(number=7, seconds=3.0)
    wait_until(lambda: place.job(job_id)["stage"] == "machine", 60, "waiting for a machine")
    assert place.job(job_id)["status"] == "waiting_external"
    place.runpod.machines.set()
    wait_until(lambda: place.job(job_id)["stage"] == "count", 60, "progress of the machine")
    place.product.kill("worker")
    wait_until(lambda: place.job(job_id)["status"] == "succeeded", 90, "the result")
    job = place.job(job_id)
    assert place.client.get(job["outputs"][0]["url"]).text == "49\n"
    assert place.traces(7) == ["begin", "end"]
    assert place.runpod.calls == [200]
    assert job["attempt"] == 1
    assert "machine time" in job["stages"][0]["message"]

    place.runpod.machines.clear()
    second = place.send(number=8)
    wait_until(lambda: len(place.runpod.jobs) == 2, 60, "the handing over")
    assert place.client.post(f"/api/v1/jobs/{second}/cancel").status_code == 200
    wait_until(lambda: place.job(second)["status"] == "cancelled", 30, "the cancelling")
    assert [job.status for job in place.runpod.jobs.values()] == ["COMPLETED", "CANCELLED"]

    assert place.client.delete(f"/api/v1/jobs/{job_id}").status_code == 200
    assert place.client.delete(f"/api/v1/jobs/{second}").status_code == 200
    for secret in (KEY, "/webhook/runpod/"):
        assert secret not in place.product.log
