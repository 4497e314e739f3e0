import pytest

from sightline.media.window import MOST_SAMPLES, Summary, Window


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_an_empty_window_is_all_zero():
    assert Window().summary() == Summary()
    assert Window().rate_hz() == 0.0


def test_quantiles_mean_and_total(clock):
    window = Window(clock=clock)
    for value in range(1, 101):
        window.add(value)
    summary = window.summary()
    assert (summary.count, summary.mean, summary.p50, summary.p95) == (100, 50.5, 51, 96)
    assert window.total == 100


def test_rate_is_exact_while_samples_come(clock):
    window = Window(clock=clock)
    for _ in range(40):
        window.add()
        clock.now += 1 / 30
    assert window.rate_hz() == pytest.approx(30, rel=0.01)


def test_rate_falls_when_samples_stop_and_old_ones_leave(clock):
    window = Window(span_s=10, clock=clock)
    for _ in range(30):
        window.add(7)
        clock.now += 0.1
    clock.now += 3
    assert 0 < window.rate_hz() < 6
    clock.now += 20
    assert window.rate_hz() == 0
    assert window.summary().count == 0
    assert window.total == 30


def test_memory_is_bounded(clock):
    window = Window(clock=clock)
    for _ in range(MOST_SAMPLES * 2):
        window.add()
    assert window.summary().count == MOST_SAMPLES


def test_clear_forgets_everything(clock):
    window = Window(clock=clock)
    window.add(1)
    window.clear()
    assert window.total == 0
    assert window.summary() == Summary()
