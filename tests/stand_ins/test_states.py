"""The interpreter of state machines itself: paths, retries, catches, choices, limits, and the API in front of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stand_ins.paths import NoSuchPath, evaluate, fill, read, write
from tests.stand_ins.states import MOST_CHARS, Failed, Interpreter, Refused, StateMachines

NAMES = st.text("abcxyz_-09", min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


def paths_in(data, path="$"):
    yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, inner in pairs:
        yield from paths_in(inner, f"{path}[{name}]" if isinstance(data, list) else f"{path}.{name}")


@given(DOCUMENTS, VALUES, st.data())
def test_what_is_written_at_a_path_is_read_there_and_nothing_else_changes(document, value, data):
    path = data.draw(st.sampled_from(sorted(paths_in(document))))
    before = json.dumps(document)
    written = write(path, document, value)
    assert read(path, written) == value
    assert json.dumps(document) == before
    if path != "$":
        assert write(path, written, read(path, document)) == document


@given(DOCUMENTS, NAMES, NAMES, VALUES)
def test_new_places_are_made_on_the_way(document, first, second, value):
    cleared = {name: inner for name, inner in document.items() if name != first}
    written = write(f"$.{first}.{second}", cleared, value)
    assert written == {**cleared, first: {second: value}}
    assert write(None, document, value) == document


@given(st.text(max_size=12))
def test_no_text_is_read_as_something_that_is_not_there(text):
    try:
        found = read(text, {"a": [1, {"b": 2}]})
    except NoSuchPath:
        return
    assert text == "$" or text.startswith(("$.a", "$['a']", "$[*]")), (text, found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.list[*].n", [1, 2]), ("$$.Execution.Name", "run"), ("States.Array($.a, 'b, c', 3)", ["A", "b, c", 3]),
        ("States.Format('{}-{}', $.a, $.list[0].n)", "A-1"), ("States.JsonToString($.list)", '[{"n": 1}, {"n": 2}]'),
        ("States.Array(States.Format('({})', $.a))", ["(A)"]), ("States.Array()", []),
    ],
)  # fmt: skip
def test_paths_and_functions(text, value):
    data = {"a": "A", "list": [{"n": 1}, {"n": 2}]}
    assert evaluate(text, data, {"Execution": {"Name": "run"}}) == value
    assert fill({"x.$": text, "y": {"z": [1]}}, data, {"Execution": {"Name": "run"}}) == {"x": value, "y": {"z": [1]}}


def machine(start="A", **states):
    return {"StartAt": start, "States": {"End": {"Type": "Succeed"}, **states}}


def task(**more):
    return {"Type": "Task", "Resource": "do", "Next": "End", **more}


class Doing:
    """A resource that fails with these errors first, then answers what it was given."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)
        self.given: list[object] = []

    def __call__(self, given, _is_stopped):
        self.given.append(given)
        if self.errors:
            raise Failed(self.errors.pop(0), "because")
        return {"answer": given}


def run(definition, doing=None, data=None):
    interpreter = Interpreter(definition, {"do": doing or Doing()})
    return interpreter, interpreter.run({"n": 1} if data is None else data)


def test_input_result_and_output_paths():
    state = task(
        InputPath="$.in", Parameters={"given.$": "$.x", "fixed": 1}, ResultSelector={"kept.$": "$.answer.given"},
        ResultPath="$.out.r", OutputPath="$.out",
    )  # fmt: skip
    _, output = run(machine(A=state), data={"in": {"x": 5}, "other": 6})
    assert output == {"r": {"kept": 5}}
    assert run(machine(A=task(ResultPath=None)))[1] == {"n": 1}


def test_pauses_between_tries_grow_up_to_their_limit_and_take_no_time():
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 20}]
    interpreter, _ = run(machine(A=task(Retry=retry)), Doing("Busy", "Busy", "Busy", "Busy"))
    assert (interpreter.clock.waits, interpreter.clock.now_s) == ([2, 6, 18, 20], 46)
    with pytest.raises(Failed, match="Busy"):
        run(machine(A=task(Retry=retry)), Doing(*["Busy"] * 5))


def test_each_kind_of_error_has_its_own_count_and_the_first_that_fits_decides():
    retry = [{"ErrorEquals": ["Never"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    with pytest.raises(Failed, match="Never"):
        run(machine(A=task(Retry=retry)), Doing("Never"))
    assert run(machine(A=task(Retry=retry)), Doing("Other"))[0].clock.waits == [1]


@pytest.mark.parametrize(
    ("names", "error", "is_caught"),
    [
        (["States.ALL"], "Anything", True), (["States.TaskFailed"], "Anything", True), (["Other"], "Anything", False),
        (["States.Timeout"], "States.Timeout", True), (["States.TaskFailed"], "States.Timeout", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
    ],
)  # fmt: skip
def test_who_is_caught(names, error, is_caught):
    definition = machine(A=task(Catch=[{"ErrorEquals": names, "ResultPath": "$.error", "Next": "End"}]))
    if is_caught:
        assert run(definition, Doing(error))[1] == {"n": 1, "error": {"Error": error, "Cause": "because"}}
    else:
        with pytest.raises(Failed, match=error):
            run(definition, Doing(error))


def test_choices():
    rules = [
        {"Variable": "$.n", "NumericGreaterThan": 10, "Next": "Big"},
        {
            "And": [{"Variable": "$.n", "NumericGreaterThanEquals": 5}, {"Not": {"Variable": "$.w", "IsPresent": True}}],
            "Next": "Middle",
        },
        {"Or": [{"Variable": "$.w", "StringEquals": "a"}, {"Variable": "$.w", "StringEquals": "b"}], "Next": "Word"},
    ]
    passes = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("Big", "Middle", "Word", "None")}
    definition = machine(A={"Type": "Choice", "Choices": rules, "Default": "None"}, **passes)
    given_and_taken = [({"n": 11}, "Big"), ({"n": 5}, "Middle"), ({"n": 5, "w": "b"}, "Word"), ({"n": 1, "w": "c"}, "None")]
    assert [run(definition, data=data)[1] for data, _ in given_and_taken] == [name for _, name in given_and_taken]
    with pytest.raises(Failed, match=r"States\.Runtime"):
        run(definition, data={"n": 1})
    del definition["States"]["A"]["Default"]
    with pytest.raises(Failed, match="NoChoiceMatched"):
        run(definition, data={"n": 1, "w": "c"})


def test_maps_and_branches_keep_their_order():
    one = {"StartAt": "One", "States": {"One": {"Type": "Task", "Resource": "do", "OutputPath": "$.answer", "End": True}}}
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "n.$": "$.n"}
    many = {
        "Type": "Map",
        "ItemsPath": "$.list",
        "ItemSelector": selector,
        "ItemProcessor": one,
        "ResultPath": "$.out",
        "Next": "End",
    }
    assert run(machine(A={**many, "Next": "End"}), data={"n": 7, "list": ["a", "b"]})[1]["out"] == [
        {"i": 0, "v": "a", "n": 7}, {"i": 1, "v": "b", "n": 7},
    ]  # fmt: skip
    parallel = {"Type": "Parallel", "Branches": [one, one], "Next": "End"}
    assert run(machine(A=parallel))[1] == [{"n": 1}, {"n": 1}]


def test_waits_timeouts_and_ends():
    interpreter, _ = run(machine(A={"Type": "Wait", "SecondsPath": "$.n", "Next": "End"}))
    assert interpreter.clock.waits == [1.0]

    def slow(_given, _is_stopped):
        slow_one.clock.wait(11)

    slow_one = Interpreter(machine(A=task(TimeoutSeconds=10)), {"do": slow})
    with pytest.raises(Failed, match=r"States\.Timeout"):
        slow_one.run({})
    with pytest.raises(Failed, match=r"E1: because of 1"):
        run(machine(A={"Type": "Fail", "Error": "E1", "CausePath": "$.why"}), data={"why": "because of 1"})


def test_what_is_too_large_ends_the_execution():
    with pytest.raises(Failed, match="DataLimitExceeded"):
        run(machine(A=task()), data={"text": "x" * MOST_CHARS})


def test_the_api_refuses_what_aws_refuses():
    arn = "arn:aws:states:us-east-1:1:stateMachine:m"
    machines = StateMachines({"do": Doing()}, {arn: machine(A=task())})

    def start(name="job-1", entered="{}", machine_arn=arn):
        return machines.answer("StartExecution", {"stateMachineArn": machine_arn, "name": name, "input": entered})

    for code, call in {
        "StateMachineDoesNotExist": lambda: start(machine_arn=arn + "x"),
        "InvalidName": lambda: start(name="n" * 81),
        "InvalidExecutionInput": lambda: start(entered='"' + "x" * MOST_CHARS + '"'),
        "ExecutionDoesNotExist": lambda: machines.answer("DescribeExecution", {"executionArn": "no"}),
    }.items():
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.code == code
    execution_arn = start()["executionArn"]
    machines.stop_all()
    assert machines.answer("DescribeExecution", {"executionArn": execution_arn})["status"] in ("SUCCEEDED", "ABORTED")
    with pytest.raises(Refused, match="ExecutionAlreadyExists"):
        start(entered='{"other": 1}')
