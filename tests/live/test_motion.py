from sightline.live.motion import MotionEpisodes


def see(episodes, *results, step_s=0.1, start_s=0.0):
    changes = [episodes.see(result, round((start_s + n * step_s) * 1e9)) for n, result in enumerate(results)]
    return [change for change in changes if change]


def test_one_positive_result_is_noise():
    episodes = MotionEpisodes()
    assert see(episodes, False, True, False, True, False) == []
    assert episodes.started == 0


def test_two_in_a_row_begin_an_episode_and_stillness_ends_it():
    episodes = MotionEpisodes()
    assert see(episodes, True, True, True) == ["started"]
    assert episodes.is_moving
    assert see(episodes, *[False] * 18, start_s=0.3) == []
    assert see(episodes, *[False] * 10, start_s=2.1) == ["ended"]
    assert episodes.started == 1


def test_a_short_pause_is_the_same_episode():
    episodes = MotionEpisodes()
    assert see(episodes, True, True, *[False] * 10, True, True, *[False] * 10, True) == ["started"]


def test_forget_ends_silently_and_keeps_the_count():
    episodes = MotionEpisodes()
    see(episodes, True, True)
    episodes.forget()
    assert not episodes.is_moving
    assert see(episodes, *[False] * 30) == []
    assert episodes.started == 1
