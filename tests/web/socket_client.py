"""A Socket.IO client over a raw WebSocket: what a browser sends and gets, nothing more."""

import contextlib
import json
import time
from typing import Any

import simple_websocket


class _WebSocket(simple_websocket.Client):
    """Does not lose what the server sends in the same packet as its handshake."""

    def handshake(self) -> None:
        super().handshake()
        self._handle_events()


class SocketClient:
    """Connects at once; raises ConnectionError when refused."""

    def __init__(self, url: str, cookie: str = "", auth: object = None, origin: str | None = None) -> None:
        headers = {name: value for name, value in (("Cookie", cookie), ("Origin", origin)) if value}
        self._ws = _WebSocket(url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket", headers=headers)
        self._acks = 0
        self.events: list[tuple[str, Any]] = []
        assert self._receive().startswith("0{")
        self._ws.send("40" + (json.dumps(auth) if auth else ""))
        answer = self._receive()
        if not answer.startswith("40"):
            self.close()
            raise ConnectionError(answer)

    def call(self, event: str, data: object) -> Any:
        """Send an event and return its acknowledgement."""
        self._acks += 1
        self._ws.send(f"42{self._acks}" + json.dumps([event, data]))
        mark = f"43{self._acks}"
        while not (message := self._receive()).startswith(mark):
            self._take(message)
        return json.loads(message[len(mark) :])[0]

    def send(self, event: str, *data: object) -> None:
        """Send an event; nothing is awaited."""
        self._ws.send("42" + json.dumps([event, *data]))

    def wait_for(self, event: str, timeout_s: float = 15.0, **wanted: object) -> Any:
        """The data of the next such event whose members are as wanted."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for index, (name, data) in enumerate(self.events):
                if name == event and all(data.get(key) == value for key, value in wanted.items()):
                    del self.events[: index + 1]
                    return data
            self._take(self._receive(deadline - time.monotonic()))
        raise TimeoutError(f"no {event} with {wanted}; got {[name for name, _ in self.events]}")

    def listen(self, seconds: float) -> list[str]:
        """Names of the events that come in that time."""
        deadline = time.monotonic() + seconds
        before = len(self.events)
        while (left := deadline - time.monotonic()) > 0:
            message = self._ws.receive(timeout=left)
            if message is not None:
                self._take(str(message))
        return [name for name, _ in self.events[before:]]

    def wait_closed(self, timeout_s: float = 15.0) -> None:
        """Return when the server hangs up or says goodbye."""
        deadline = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline:
                message = self._ws.receive(timeout=1)
                if message is not None and str(message).startswith("41"):
                    return
        except simple_websocket.ConnectionClosed:
            return
        raise TimeoutError("the server kept the connection")

    def close(self) -> None:
        with contextlib.suppress(simple_websocket.ConnectionClosed):
            self._ws.close()
        self._ws.sock.close()

    def _receive(self, timeout_s: float = 10.0) -> str:
        while True:
            message = self._ws.receive(timeout=timeout_s)
            if message is None:
                raise TimeoutError("the server says nothing")
            if message != "2":
                return str(message)
            self._ws.send("3")

    def _take(self, message: str) -> None:
        if message == "2":
            self._ws.send("3")
        elif message.startswith("42"):
            name, data = json.loads(message[2:])
            self.events.append((name, data))
