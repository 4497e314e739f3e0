"""Where a camera's pictures leave it: one encoder per rendition, however many subscribe.

The chain thread publishes; each encoder is a thread of its own with a slot of one. An encoder starts with its first subscriber and
stops when it has had none for 2 s. What nobody asks for is neither converted nor encoded.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2

from sightline.errors import Conflict
from sightline.live.slot import Slot
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.packet import Packet, Rendition, View
from sightline.media.window import Window

log = logging.getLogger(__name__)

IDLE_S = 2.0
"""An encoder without subscribers lives this long, for viewers that come right back (a page reload)."""
MOST_RENDITIONS = 12
"""Watched renditions per camera. Each costs an encoder, so that asking for ever new sizes must not bring an engine down."""


class Subscriber(Protocol):
    """Takes packets of one rendition. Both methods are called by the encoder's thread: return at once."""

    def deliver(self, packet: Packet) -> None: ...

    def end(self) -> None:
        """No packet will come any more: the camera was removed."""
        ...


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture on its way to the encoders."""

    frame: Frame
    image: Image | None = None
    """None = the frame's own picture, converted by whoever needs it first."""
    is_live: bool = True
    """False for the no-signal picture."""


class EncodeCounters:
    """Cost of encoding, over all encoders of a camera."""

    def __init__(self) -> None:
        self.cost_ms = Window()
        self.latency_ms = Window()
        """Capture to encoded, live pictures only."""
        self.retired_drops = 0


class Encoder:
    """Encodes one rendition of one camera as JPEG, in its own thread."""

    def __init__(self, rendition: Rendition, counters: EncodeCounters, name: str, on_idle: "Callable[[Encoder], bool]") -> None:
        self.rendition = rendition
        self.subscribers: tuple[Subscription, ...] = ()
        """Replaced as a whole under the hub's lock, so that the thread may iterate without one."""
        self._slot: Slot[Shot] = Slot()
        self._counters = counters
        self._on_idle = on_idle
        self._next_pts_ns: int | None = None
        self._last_pts_ns = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def drops(self) -> int:
        return self._slot.drops

    def start(self) -> None:
        self._thread.start()

    def offer(self, shot: Shot) -> None:
        if self._is_due(shot.frame.pts_ns):
            self._slot.put(shot)

    def close(self) -> None:
        self._slot.close()

    def _is_due(self, pts_ns: int) -> bool:
        """Whether the rendition's frame rate, counted on the camera's clock, wants this picture."""
        fps = self.rendition.fps
        if fps is None:
            return True
        period_ns = int(1e9 / fps)
        next_ns = self._next_pts_ns
        is_restart = next_ns is None or pts_ns < self._last_pts_ns or pts_ns - next_ns > period_ns
        self._last_pts_ns = pts_ns
        if is_restart:
            self._next_pts_ns = pts_ns + period_ns
            return True
        assert next_ns is not None
        # A tenth of a period early still counts, or jitter would cost every other frame.
        if pts_ns < next_ns - period_ns // 10:
            return False
        self._next_pts_ns = next_ns + period_ns
        return True

    def _work(self) -> None:
        while not self._slot.is_closed:
            shot = self._slot.take(IDLE_S)
            if shot is None:
                if not self.subscribers and self._on_idle(self):
                    return
                continue
            try:
                packet = self._encode(shot)
                for subscription in self.subscribers:
                    subscription.subscriber.deliver(packet)
            except Exception:
                log.exception("Frame %d could not be encoded", shot.frame.seq)
        for subscription in self.subscribers:
            subscription.subscriber.end()

    def _encode(self, shot: Shot) -> Packet:
        started_ns = time.monotonic_ns()
        frame = shot.frame
        image = shot.image if shot.image is not None else frame.image
        data = encode_jpeg(image, self.rendition.width_px, self.rendition.quality)
        ended_ns = time.monotonic_ns()
        self._counters.cost_ms.add((ended_ns - started_ns) / 1e6)
        if shot.is_live:
            self._counters.latency_ms.add((ended_ns - frame.captured_ns) / 1e6)
        return Packet(data, frame.seq, frame.pts_ns, frame.captured_ns, frame.wall_time_s)


@dataclass(slots=True, eq=False)
class Subscription:
    """A subscriber's hold on a rendition; `close` lets go."""

    subscriber: Subscriber
    _encoder: Encoder
    _hub: "Hub"
    viewers: int = 1
    """People behind this subscriber; set by an output that fans out."""

    def close(self) -> None:
        self._hub.release(self, self._encoder)


class Hub:
    """All renditions of one camera."""

    def __init__(self, camera_id: str, on_subscribe: Callable[[], None]) -> None:
        self._camera_id = camera_id
        self._on_subscribe = on_subscribe
        self._lock = threading.Lock()
        self._encoders: dict[Rendition, Encoder] = {}
        self._wanted: frozenset[View] = frozenset()
        self._is_closed = False
        self.counters = EncodeCounters()

    @property
    def encoders(self) -> int:
        """Encoders that somebody watches."""
        return sum(1 for encoder in list(self._encoders.values()) if encoder.subscribers)

    @property
    def viewers(self) -> int:
        return sum(s.viewers for encoder in list(self._encoders.values()) for s in encoder.subscribers)

    @property
    def drops(self) -> int:
        """Pictures that an encoder was too slow for."""
        return self.counters.retired_drops + sum(encoder.drops for encoder in list(self._encoders.values()))

    def wants(self, view: View) -> bool:
        return view in self._wanted

    @property
    def is_watched(self) -> bool:
        return bool(self._wanted)

    def must_have_room(self, rendition: Rendition) -> None:
        """Raises: Conflict, when `rendition` would be one too many (code `too_many_renditions`)."""
        others = [known for known, encoder in list(self._encoders.items()) if encoder.subscribers and known != rendition]
        if len(others) >= MOST_RENDITIONS:
            raise Conflict(
                f"This camera is already watched in {MOST_RENDITIONS} different sizes and qualities. Use one of those.",
                code="too_many_renditions",
            )

    def subscribe(self, rendition: Rendition, subscriber: Subscriber) -> Subscription:
        """Deliver every packet of `rendition` to `subscriber` until the subscription is closed."""
        with self._lock:
            encoder = self._encoders.get(rendition)
            if encoder is None:
                encoder = Encoder(rendition, self.counters, f"encode-{self._camera_id}", self._retire)
                self._encoders[rendition] = encoder
                encoder.start()
            subscription = Subscription(subscriber, encoder, self)
            encoder.subscribers += (subscription,)
            self._count_wanted()
            if self._is_closed:
                encoder.close()
        self._on_subscribe()
        return subscription

    def release(self, subscription: Subscription, encoder: Encoder) -> None:
        with self._lock:
            encoder.subscribers = tuple(s for s in encoder.subscribers if s is not subscription)
            self._count_wanted()

    def publish(self, view: View, shot: Shot) -> None:
        """Hand a picture to all encoders of that view."""
        for rendition, encoder in list(self._encoders.items()):
            if rendition.view == view and encoder.subscribers:
                encoder.offer(shot)

    def close(self) -> None:
        """End all renditions; subscribers are told."""
        with self._lock:
            self._is_closed = True
            for encoder in self._encoders.values():
                encoder.close()

    def _count_wanted(self) -> None:
        self._wanted = frozenset(rendition.view for rendition, encoder in self._encoders.items() if encoder.subscribers)

    def _retire(self, encoder: Encoder) -> bool:
        """Take an idle encoder out; False when a subscriber has come in the meantime."""
        with self._lock:
            if encoder.subscribers:
                return False
            self.counters.retired_drops += encoder.drops
            self._encoders.pop(encoder.rendition, None)
            return True


def encode_jpeg(image: Image, width_px: int | None, quality: int) -> bytes:
    """Return `image` `(H, W, 3)` BGR as JPEG bytes, scaled down to `width_px` (never up)."""
    if width_px is not None:
        image = shrink_to_width(image, width_px)
    is_done, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not is_done:
        raise ValueError(f"a picture of {image.shape} cannot be encoded as JPEG")
    return data.tobytes()
