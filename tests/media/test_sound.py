"""The ring of the last seconds of sound."""

import threading

import numpy as np
import pytest

from sightline.media.sound import SAMPLE_NS, SAMPLE_RATE_HZ, WANTED_S, SoundRing

S = 1_000_000_000


def counting(first: int, count: int) -> np.ndarray:
    """Samples whose values are their own numbers."""
    return np.arange(first, first + count, dtype=np.float32)


def test_pieces_that_follow_each_other_are_read_as_one() -> None:
    ring = SoundRing()
    for start in range(0, 16_000, 1_000):
        # Timestamps of real sources are rounded: a millisecond or two off.
        ring.write(start * SAMPLE_NS + (start % 3_000) * 500, counting(start, 1_000))
    heard = ring.read(2_000, S // 2)
    assert heard is not None
    assert heard.start == 2_000
    assert np.array_equal(heard.samples, counting(2_000, 6_000))


def test_reading_goes_on_where_it_stopped_and_never_past_the_picture() -> None:
    ring = SoundRing()
    ring.write(0, counting(0, 16_000))
    first, second = ring.read(0, S // 4), ring.read(4_000, S // 2)
    assert first is not None
    assert second is not None
    assert np.array_equal(np.concatenate([first.samples, second.samples]), counting(0, 8_000))
    assert ring.read(8_000, S // 2) is None
    assert ring.read(16_000, 10 * S) is None


def test_a_gap_is_silence_and_a_long_one_a_new_beginning() -> None:
    ring = SoundRing(span_s=2.0)
    ring.write(0, counting(1, 1_000))
    ring.write(S // 2, counting(8_001, 1_000))
    heard = ring.read(0, S)
    assert heard is not None
    assert np.array_equal(heard.samples, np.concatenate([counting(1, 1_000), np.zeros(7_000), counting(8_001, 1_000)]))
    ring.write(60 * S, counting(5, 10))
    heard = ring.read(9_000, 100 * S)
    assert heard is not None
    assert (heard.start, heard.samples.tolist()) == (60 * SAMPLE_RATE_HZ, counting(5, 10).tolist())


def test_a_step_back_in_time_forgets_what_was_there() -> None:
    ring = SoundRing()
    ring.write(30 * S, counting(0, 1_000))
    ring.write(0, counting(7, 1_000))
    heard = ring.read(0, 100 * S)
    assert heard is not None
    assert (heard.start, len(heard.samples), heard.samples[0]) == (0, 1_000, 7)


def test_a_slow_reader_gets_what_is_left() -> None:
    ring = SoundRing(span_s=1.0)
    for start in range(0, 80_000, 1_600):
        ring.write(start * SAMPLE_NS, counting(start, 1_600))
    heard = ring.read(0, 100 * S)
    assert heard is not None
    assert (heard.start, len(heard.samples)) == (64_000, 16_000)
    assert np.array_equal(heard.samples, counting(64_000, 16_000))


def test_a_piece_longer_than_the_ring_keeps_its_end() -> None:
    ring = SoundRing(span_s=0.5)
    ring.write(0, counting(0, 16_000))
    heard = ring.read(None, 100 * S)
    assert heard is not None
    assert heard.start + len(heard.samples) == 16_000
    assert heard.samples[-1] == 15_999


def test_who_begins_to_listen_gets_a_second_at_most() -> None:
    ring = SoundRing()
    ring.write(0, counting(0, 64_000))
    heard = ring.read(None, 3 * S)
    assert heard is not None
    assert (heard.start, len(heard.samples)) == (32_000, 16_000)


def test_the_clock_of_the_frames_may_be_ahead() -> None:
    ring = SoundRing()
    ring.set_offset_ns(100 * S)
    ring.write(0, counting(0, 16_000))
    heard = ring.read(None, 100 * S + S // 2)
    assert heard is not None
    assert heard.start + len(heard.samples) == 100 * SAMPLE_RATE_HZ + 8_000
    assert heard.samples[-1] == 7_999


def test_it_is_wanted_while_somebody_says_so() -> None:
    now_s = [0.0]
    ring = SoundRing(clock=lambda: now_s[0])
    assert ring.is_wanted, "so that the beginning of a file is not missed"
    now_s[0] = WANTED_S + 1
    assert not ring.is_wanted
    ring.want()
    assert ring.is_wanted


def test_nothing_heard_is_nothing() -> None:
    assert SoundRing().read(None, S) is None


@pytest.mark.parametrize("span_s", [0.2, 1.0])
def test_a_reader_beside_a_writer_never_sees_half_a_piece(span_s: float) -> None:
    ring = SoundRing(span_s=span_s)
    done = threading.Event()

    def write() -> None:
        for start in range(0, 400_000, 800):
            ring.write(start * SAMPLE_NS, counting(start, 800))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        heard = ring.read(None, 1_000 * S)
        if heard is not None:
            assert np.array_equal(heard.samples, counting(heard.start, len(heard.samples)))
    writer.join()
