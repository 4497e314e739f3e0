import cv2
import numpy as np
import pytest

from sightline.errors import Conflict
from sightline.live import hub as hub_module
from sightline.live.hub import Hub, Shot, encode_jpeg
from sightline.media.frame import Frame, LazyPicture
from sightline.media.packet import Rendition
from tests.live_fakes import Collector, frame, picture, wait_for


@pytest.fixture
def hub():
    hub = Hub("cam", lambda: None)
    yield hub
    hub.close()


def test_many_subscribers_of_one_rendition_share_one_encoder_and_one_bytes_object(hub):
    collectors = [Collector() for _ in range(50)]
    for collector in collectors:
        hub.subscribe(Rendition(), collector)
    hub.publish("processed", Shot(frame(1)))
    wait_for(lambda: all(c.packets for c in collectors), "delivery to everybody")
    assert hub.encoders == 1
    assert hub.counters.cost_ms.total == 1
    assert len({id(c.packets[0].data) for c in collectors}) == 1


def test_only_so_many_renditions_are_watched_at_once(hub):
    for quality in range(1, hub_module.MOST_RENDITIONS + 1):
        hub.must_have_room(Rendition(quality=quality))
        hub.subscribe(Rendition(quality=quality), Collector())
    hub.must_have_room(Rendition(quality=1))
    with pytest.raises(Conflict, match="different sizes"):
        hub.must_have_room(Rendition(quality=99))


def test_each_rendition_has_an_encoder_of_its_own(hub):
    small, good = Collector(), Collector()
    hub.subscribe(Rendition(width_px=32), small)
    hub.subscribe(Rendition(quality=95), good)
    hub.publish("processed", Shot(frame(1)))
    wait_for(lambda: small.packets and good.packets, "both packets")
    assert hub.encoders == 2
    assert cv2.imdecode(np.frombuffer(small.packets[0].data, np.uint8), cv2.IMREAD_COLOR).shape == (24, 32, 3)


def test_views_are_apart(hub):
    raw, processed = Collector(), Collector()
    hub.subscribe(Rendition(view="raw"), raw)
    hub.subscribe(Rendition(), processed)
    hub.publish("raw", Shot(frame(1)))
    hub.publish("processed", Shot(frame(2)))
    wait_for(lambda: raw.packets and processed.packets, "both packets")
    assert (raw.packets[0].seq, processed.packets[0].seq) == (1, 2)


def test_nothing_is_wanted_or_converted_when_nobody_watches(hub):
    def convert():
        raise AssertionError("converted although nobody watches")

    picture_of_nobody = LazyPicture((64, 48), convert, lambda: picture()[:, :, 0])
    assert not hub.wants("raw")
    hub.publish("raw", Shot(Frame("cam", 1, 0, 0, 0.0, picture_of_nobody)))
    subscription = hub.subscribe(Rendition(view="raw"), Collector())
    assert hub.wants("raw")
    assert not hub.wants("processed")
    subscription.close()
    hub.publish("raw", Shot(Frame("cam", 2, 0, 0, 0.0, picture_of_nobody)))
    assert not hub.is_watched
    assert hub.counters.cost_ms.total == 0


def test_the_encoder_stops_after_the_idle_time_and_starts_again(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "IDLE_S", 0.05)
    subscription = hub.subscribe(Rendition(), Collector())
    thread = hub._encoders[Rendition()]._thread
    subscription.close()
    assert hub.encoders == 0
    thread.join(30)
    assert not thread.is_alive()
    again = Collector()
    hub.subscribe(Rendition(), again)
    hub.publish("processed", Shot(frame(3)))
    wait_for(lambda: again.packets, "a packet from the new encoder")


def test_a_subscriber_that_comes_back_in_time_keeps_the_encoder(hub):
    first = hub.subscribe(Rendition(), Collector())
    thread = hub._encoders[Rendition()]._thread
    first.close()
    hub.subscribe(Rendition(), Collector())
    assert hub._encoders[Rendition()]._thread is thread
    assert thread.is_alive()


def test_the_frame_rate_is_limited_on_the_cameras_clock(hub):
    slow = Collector()
    hub.subscribe(Rendition(fps=10), slow)
    for seq in range(1, 61):
        hub.publish("processed", Shot(frame(seq)))
        wait_for(lambda: hub._encoders[Rendition(fps=10)]._slot._item is None, "the encoder to take the picture")
    wait_for(lambda: len(slow.packets) >= 20, "20 packets of 60 frames")
    assert len(slow.packets) == 20
    gaps = {b.seq - a.seq for a, b in zip(slow.packets, slow.packets[1:], strict=False)}
    assert gaps == {3}


def test_a_frame_that_cannot_be_encoded_does_not_stop_the_next(hub):
    collector = Collector()
    hub.subscribe(Rendition(), collector)
    hub.publish("processed", Shot(frame(1), np.zeros((0, 0, 3), np.uint8)))
    wait_for(lambda: hub._encoders[Rendition()]._slot._item is None, "the encoder to take the picture")
    hub.publish("processed", Shot(frame(2)))
    wait_for(lambda: collector.packets, "the good frame")
    assert collector.packets[0].seq == 2


def test_close_tells_every_subscriber_also_a_late_one(hub):
    early, late = Collector(), Collector()
    hub.subscribe(Rendition(), early)
    hub.close()
    hub.subscribe(Rendition(quality=5), late)
    assert early.is_ended.wait(30)
    assert late.is_ended.wait(30)


def test_pictures_are_scaled_down_but_never_up():
    for width_px, expected in ((32, 32), (64, 64), (1000, 64), (None, 64)):
        data = encode_jpeg(picture(90), width_px, 80)
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[1] == expected
