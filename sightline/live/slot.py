"""The hand-over between threads of the live path: room for one item, the newest wins.

Owned by the consumer; any thread puts, one thread takes. A slow consumer skips items and the skips are counted, never queued.
"""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Slot(Generic[Item]):
    """Holds at most one item."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._is_nudged = False
        self._is_closed = False
        self._drops = 0

    @property
    def drops(self) -> int:
        """How many items were replaced before anybody took them."""
        return self._drops

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def put(self, item: Item) -> None:
        """Leave `item` for the consumer, in place of one it has not taken yet. After `close` nothing happens."""
        with self._condition:
            if self._is_closed:
                return
            if self._item is not None:
                self._drops += 1
            self._item = item
            self._condition.notify()

    def nudge(self) -> None:
        """Wake the consumer without an item, so that it looks at what else has changed."""
        with self._condition:
            self._is_nudged = True
            self._condition.notify()

    def take(self, timeout_s: float | None = None) -> Item | None:
        """Wait for an item and return it; None after a nudge, the timeout or `close`."""
        with self._condition:
            self._condition.wait_for(self._is_ready, timeout_s)
            item, self._item = self._item, None
            self._is_nudged = False
            return None if self._is_closed else item

    def close(self) -> None:
        """End the hand-over: the item is let go and the consumer wakes."""
        with self._condition:
            self._is_closed = True
            self._item = None
            self._condition.notify_all()

    def _is_ready(self) -> bool:
        return self._item is not None or self._is_nudged or self._is_closed
