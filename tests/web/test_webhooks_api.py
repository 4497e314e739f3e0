"""Webhooks over the API: who may, what is refused, and that a secret leaves the server once."""

import pytest

from tests.web.callers import assert_problem

URL = "http://192.0.2.7/hook?token=hush"


@pytest.fixture
def made(admin):
    """A webhook, deleted afterwards."""
    answer = admin.post("/api/v1/webhooks", {"url": URL})
    assert answer.status_code == 201, answer.text
    yield answer.json
    admin.delete(f"/api/v1/webhooks/{answer.json['id']}")


def test_the_secret_is_told_once_and_the_address_without_its_token(admin, made):
    assert made["secret"].startswith("whsec_")
    listed = admin.get("/api/v1/webhooks")
    assert made["secret"] not in listed.text and "hush" not in listed.text
    (one,) = listed.json["webhooks"]
    assert one["url"] == "http://192.0.2.7/hook?token=***" and one["is_on"]
    assert "job.failed" in listed.json["events"]


def test_test_deliveries_and_redelivery(admin, made):
    path = f"/api/v1/webhooks/{made['id']}"
    message_id = admin.post(f"{path}/test").json["message_id"]
    (delivery,) = admin.get(f"{path}/deliveries").json["deliveries"]
    assert (delivery["message_id"], delivery["state"], delivery["tries"]) == (message_id, "waiting", 0)
    again = admin.post(f"{path}/deliveries/{delivery['id']}/redeliver")
    assert (again.status_code, again.json["message_id"]) == (202, message_id)
    assert_problem(admin.post(f"{path}/deliveries/{delivery['id'] + 1}/redeliver"), 404, "delivery_not_found")
    assert admin.patch(path, {"is_on": False}).json["is_on"] is False
    assert_problem(admin.post(f"{path}/test"), 409, "webhook_off")
    assert_problem(admin.post(f"{path}/deliveries/{delivery['id']}/redeliver"), 409, "webhook_off")


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("ftp://192.0.2.7/", 422, "bad_url"),
        ("https://user:pass@192.0.2.7/", 422, "bad_url"),
        ("http://127.0.0.1:9/", 403, "address_forbidden"),
        ("http://169.254.169.254/latest", 403, "address_forbidden"),
        (URL, 409, "webhook_known"),
    ],
)
def test_what_is_refused(admin, made, url, status, code):
    problem = assert_problem(admin.post("/api/v1/webhooks", {"url": url}), status, code)
    assert "pass@" not in problem["detail"]
    assert len(admin.get("/api/v1/webhooks").json["webhooks"]) == 1


def test_webhooks_are_for_admins(operator, admin):
    assert_problem(operator.get("/api/v1/webhooks"), 403)
    assert_problem(operator.post("/api/v1/webhooks", {"url": URL}), 403)
    assert_problem(admin.get("/api/v1/webhooks/999999/deliveries"), 404, "webhook_not_found")
