"""One suite over every kind of batch job: what it says of itself holds together.

That each survives kills and cancels in every stage is in `tests/jobs/test_kills.py` and `test_cancels.py`, over every kind as well.
"""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from sightline.errors import Invalid
from sightline.jobs.contract import kinds, make_job_params
from sightline.media.chain import plain
from sightline.settings import Settings

KINDS = {known.name: known for known in kinds()}
HEAVY = ("torch", "onnxruntime", "openvino", "scenedetect", "scipy", "lap", "motmetrics")
"""What a process that only lists the kinds has no use for."""


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_it_has_a_name_for_addresses_and_words_for_people(kind):
    assert kind.name.isidentifier()
    assert kind.name == kind.name.lower()
    assert kind.label[0].isupper()
    assert kind.description.endswith(".")
    assert kind.most_inputs >= 1
    assert kind.timeout_s > 0


def test_its_stages_have_names_of_their_own_and_words(kind):
    names = [stage.name for stage in kind.stages]
    assert names
    assert len(set(names)) == len(names)
    for stage in kind.stages:
        assert stage.name.isidentifier()
        assert stage.label[0].isupper()
        assert stage.weight > 0
        assert stage.version >= 1


def test_every_parameter_changes_something_and_no_stage_asks_for_one_that_is_not_there(kind):
    known = {spec.name for spec in fields(kind.params)}
    used = set()
    for stage in kind.stages:
        uses = known if stage.uses is None else set(stage.uses)
        assert uses <= known, stage.name
        used |= uses
    assert used == known


def test_its_defaults_are_allowed_and_travel_as_json(kind):
    defaults = make_job_params(kind, {})
    assert make_job_params(kind, json.loads(json.dumps(plain(defaults)))) == defaults
    with pytest.raises(FrozenInstanceError):
        setattr(defaults, fields(kind.params)[0].name, None)


def test_a_parameter_that_it_does_not_have_is_refused_with_those_it_has(kind):
    with pytest.raises(Invalid) as caught:
        make_job_params(kind, {"no_such_thing": 1})
    assert (caught.value.code, caught.value.facts["field"]) == ("unknown_parameter", "params.no_such_thing")
    assert caught.value.facts["allowed"] == sorted(spec.name for spec in fields(kind.params))


@pytest.mark.parametrize("value", [None, [], {}, "\0", -1e308, "x" * 100_000])
def test_nonsense_in_any_parameter_is_refused_or_understood(kind, value):
    for spec in fields(kind.params):
        try:
            params = make_job_params(kind, {spec.name: value})
        except Invalid as err:
            assert err.facts["field"].startswith(f"params.{spec.name}")
        else:
            json.dumps(plain(params))


def test_longer_footage_is_estimated_to_take_longer(kind):
    assert 0 < kind.estimate_s(0) < kind.estimate_s(3600)


def test_it_can_run_here_or_says_why_not(kind, settings: Settings):
    reason = kind.unavailable(settings)
    assert reason is None or len(reason) > 20


def test_names_of_kinds_are_their_own():
    assert len(KINDS) == len(kinds())


def test_listing_the_kinds_loads_nothing_heavy(root):
    program = f"import sys; from sightline.jobs.contract import kinds; kinds(); print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
