import threading

from sightline.live.slot import Slot
from tests.live_fakes import wait_for


def test_the_newest_wins_and_the_loss_is_counted():
    slot: Slot[int] = Slot()
    for number in (1, 2, 3):
        slot.put(number)
    assert slot.take() == 3
    assert slot.drops == 2


def test_take_waits_no_longer_than_told():
    assert Slot().take(0.01) is None


def test_a_consumer_wakes_for_an_item():
    slot: Slot[str] = Slot()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(slot.take()))
    thread.start()
    slot.put("item")
    thread.join(30)
    assert taken == ["item"]


def test_a_nudge_wakes_once_and_loses_no_item():
    slot: Slot[str] = Slot()
    slot.nudge()
    assert slot.take(5) is None
    slot.nudge()
    slot.put("item")
    assert slot.take(5) == "item"
    assert slot.take(0.01) is None


def test_close_wakes_the_consumer_and_refuses_items():
    slot: Slot[str] = Slot()
    results = []
    thread = threading.Thread(target=lambda: results.append(slot.take()))
    thread.start()
    wait_for(thread.is_alive, "the start of the consumer")
    slot.close()
    thread.join(30)
    slot.put("late")
    assert results == [None]
    assert slot.take() is None
    assert slot.is_closed
    assert slot.drops == 0
