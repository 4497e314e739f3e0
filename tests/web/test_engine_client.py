"""The way to the engines: what they answer, refuse, or fail to answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sightline.errors import Conflict, EngineUnavailable, Invalid, NotFound, SightlineError, SourceError
from sightline.web.engine_client import EngineAddress, Engines
from tests.web.fake_engine import FakeEngine, says, streams


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path / "e.sock")
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def engines(fake: FakeEngine) -> Engines:
    return Engines((fake.address,), "the key")


def test_a_call_sends_body_query_and_key(fake: FakeEngine, engines: Engines) -> None:
    seen: dict[str, Any] = {}

    def answer(request: Any) -> None:
        seen.update(request.headers)
        says({"fine": True})(request)

    fake.answers["/cameras/door"] = answer

    assert engines.of("door").call("PUT", "/cameras/door", body={"a": 1}, query={"b": "c d"}) == {"fine": True}
    assert fake.requests == [("PUT", "/cameras/door?b=c+d", {"a": 1})]
    assert seen["X-Sightline-Key"] == "the key"


def test_an_empty_answer_is_none(fake: FakeEngine, engines: Engines) -> None:
    fake.answers["/cameras/door"] = says(b"", 204)

    assert engines.any().call("DELETE", "/cameras/door") is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (409, Conflict), (422, Invalid), (502, SourceError), (500, EngineUnavailable), (401, EngineUnavailable)],
)
def test_problems_become_the_same_errors_again(fake: FakeEngine, engines: Engines, status: int, kind: type[SightlineError]) -> None:
    fake.answers["/x"] = says({"type": "t", "status": status, "detail": "It is so.", "code": "the_code", "limit": 7}, status)

    with pytest.raises(kind) as caught:
        engines.any().call("GET", "/x")
    if kind is not EngineUnavailable:
        assert (caught.value.message, caught.value.code, caught.value.facts) == ("It is so.", "the_code", {"limit": 7})


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_error_that_is_no_problem_json_is_an_engine_failure(fake: FakeEngine, engines: Engines, body: bytes) -> None:
    fake.answers["/x"] = says(body, 404)

    with pytest.raises(EngineUnavailable, match="HTTP 404"):
        engines.any().call("GET", "/x")


def test_no_engine_is_engine_unavailable(tmp_path: Path) -> None:
    engine = Engines((f"unix:{tmp_path / 'nobody'}",), "k").any()

    with pytest.raises(EngineUnavailable):
        engine.call("GET", "/health")
    with pytest.raises(EngineUnavailable):
        engine.text("/metrics")
    with pytest.raises(EngineUnavailable), engine.stream("/feed"):
        pytest.fail("there is nothing to read")


def test_silence_is_engine_unavailable(fake: FakeEngine, engines: Engines) -> None:
    def hang(request: Any) -> None:
        request.rfile.read(1)  # until the client hangs up

    fake.answers["/slow"] = hang

    with pytest.raises(EngineUnavailable):
        engines.any().call("GET", "/slow", timeout_s=0.1)


def test_lines_arrive_whole(fake: FakeEngine, engines: Engines) -> None:
    fake.answers["/feed"] = streams(lambda: [b'{"a"', b': 1}\n{"b": 2}\n{"c"', b": 3}\n", b"unfinished"])

    with engines.any().stream("/feed") as stream:
        assert list(stream.lines()) == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']


def test_a_stream_that_breaks_is_engine_unavailable(fake: FakeEngine, engines: Engines) -> None:
    def answer(request: Any) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"5\r\nhello\r\n9\r\nhal")
        request.close_connection = True

    fake.answers["/feed"] = answer

    with pytest.raises(EngineUnavailable), engines.any().stream("/feed") as stream:
        for _ in stream.chunks():
            pass


def test_what_the_reader_of_a_stream_raises_stays_what_it_is(fake: FakeEngine, engines: Engines) -> None:
    fake.answers["/feed"] = streams(lambda: [b"x"])

    with pytest.raises(FileNotFoundError), engines.any().stream("/feed"):
        raise FileNotFoundError("the reader's own")


def test_each_camera_belongs_to_one_engine_for_good() -> None:
    engines = Engines(("unix:/a", "http://b:80", "http://c:8000"), "k")
    names = [f"camera-{n}" for n in range(200)]

    assert [engines.index_of(name) for name in names] == [engines.index_of(name) for name in names]
    assert {engines.index_of(name) for name in names} == {0, 1, 2}
    assert engines.index_of("default") == 1  # written down, because a restart must find the camera where it was


@pytest.mark.parametrize("text", ["ftp://host", "host:80", "http://", "/run/engine.sock", ""])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(Invalid, match="ENGINES"):
        EngineAddress.parse(text)
