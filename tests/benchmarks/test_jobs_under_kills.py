"""A small edition of `benchmarks.jobs`: workers and jobs' processes are killed and stopped at random, each job is done once."""

from collections import Counter

import pytest

from benchmarks.jobs import ordeal
from sightline.records.jobs import JobState

pytestmark = pytest.mark.system


@pytest.mark.timeout(300)
def test_each_job_is_done_once_whoever_dies(tmp_path):
    outcome = ordeal(tmp_path, jobs=20, workers=3, kills=4, seed=4, limit_s=240)
    assert Counter(job.state for job in outcome.jobs) == {JobState.SUCCEEDED: 20}
    assert (outcome.lost, outcome.not_once, outcome.wrong_results, outcome.overlaps) == (0, 0, [], 0)
    assert outcome.kills.total() > 0  # whether one was in the middle of a job is chance: `tests/jobs/test_attempt.py` sees to that
