import asyncio
import json
from types import SimpleNamespace

import pytest

from sightline.engine import feed as feed_module
from sightline.engine.feed import Feed, _Client, _line
from sightline.errors import NotFound
from sightline.records.events import Event
from tests.live_fakes import found


class Fleet:
    def all(self):
        return ()

    def get(self, camera_id):
        raise NotFound("no such camera")


class Analysis:
    def __init__(self):
        self.now = {}

    def newest(self, camera_id):
        return self.now

    def check_rates(self):
        pass


def on_loop(scenario):
    def run():
        asyncio.run(asyncio.wait_for(scenario(), 20))

    run.__name__ = scenario.__name__
    return run


async def lines_of(client):
    return [json.loads(line) for line in (await client.take()).splitlines()]


@on_loop
async def test_a_slow_client_gets_the_newest_of_each_kind_once():
    client = _Client()
    for number in range(1000):
        client.put(("stats", "a"), _line("stats", "a", {"n": number}))
        client.put(("stats", "b"), _line("stats", "b", {"n": -number}))
    assert [(line["camera"], line["data"]["n"]) for line in await lines_of(client)] == [("a", 999), ("b", -999)]


@on_loop
async def test_events_queue_up_to_a_bound():
    client = _Client()
    for number in range(feed_module.QUEUE_LINES * 2):
        client.put(("event", number), b"{}\n")
    assert len(await lines_of(client)) == feed_module.QUEUE_LINES


def test_a_silent_feed_pings(monkeypatch):
    monkeypatch.setattr(feed_module, "PING_S", 0.01)

    async def play():
        assert await lines_of(_Client()) == [{"type": "ping"}]

    asyncio.run(play())


@pytest.fixture
def analysis():
    return Analysis()


def test_findings_are_sent_when_there_are_some_and_once_when_they_are_gone(analysis, monkeypatch):
    monkeypatch.setattr(feed_module, "FINDINGS_PERIOD_S", 0.0)

    async def play():
        feed = Feed(Fleet(), analysis)
        client = _Client()
        feed._clients.add(client)
        sent = []
        for detections in (1, 1, 0, 0, 0, 1):
            boxes = [(0, 0, 10, 10)] * detections
            analysis.now = {"boxes": found(*boxes, pts_s=1)}
            feed.findings_soon("cam")
            await asyncio.sleep(0.01)
            lines = list(client._lines.values())
            client._lines.clear()
            sent.append([len(json.loads(line)["data"]["findings"][0]["detections"]) for line in lines])
        assert sent == [[1], [1], [0], [], [], [1]]

    asyncio.run(play())


@on_loop
async def test_events_reach_every_client_from_any_thread():
    feed = Feed(Fleet(), Analysis())
    clients = [_Client(), _Client()]
    feed._clients.update(clients)
    event = Event("cam", "camera.live", "It delivers", 12.5, 99, {"reason": ""})
    await asyncio.to_thread(feed.event_soon, event)
    await asyncio.to_thread(feed.status_soon, "deleted in the meantime")
    for client in clients:
        assert await lines_of(client) == [
            {
                "type": "event", "camera": "cam",
                "data": {
                    "id": None, "camera": "cam", "kind": "camera.live", "message": "It delivers", "at": 12.5, "pts_ns": 99,
                    "facts": {"reason": ""},
                },
            }
        ]  # fmt: skip


@on_loop
async def test_nothing_is_made_for_nobody():
    feed = Feed(SimpleNamespace(all=lambda: 1 / 0), Analysis())
    feed._tick()
    feed.findings_soon("cam")
    assert feed._fresh == set()
