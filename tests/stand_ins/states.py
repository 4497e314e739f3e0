"""AWS Step Functions in this process: executes Amazon States Language (JSONPath), so that the shipped machines are what runs.

Time is virtual: waits and pauses between retries move `Clock` and take no time. Branches and items run one after the other.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stand_ins.paths import NoSuchPath, evaluate, fill, read, write

MOST_CHARS = 262_144
MOST_EVENTS = 25_000
MOST_NAME_CHARS = 80


class Refused(Exception):
    """A call of the API that is refused. `code`: AWS's name for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Failed(Exception):
    """A state failed. `error`: the name that Retry and Catch look at."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class Stopped(Exception):
    """StopExecution."""


@dataclass
class Clock:
    """Seconds that have passed in the machines' world; `waits` are all pauses, in order."""

    now_s: float = 0.0
    waits: list[float] = field(default_factory=list)

    def wait(self, pause_s: float) -> None:
        self.waits.append(pause_s)
        self.now_s += pause_s


Resource = Callable[[Any, Callable[[], bool]], Any]
"""Carries out a task: its parameters, and whether the execution was stopped. Raises: Failed."""


class Interpreter:
    """Runs one machine."""

    def __init__(self, definition: Mapping[str, Any], resources: Mapping[str, Resource], clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.visited: list[str] = []
        self._definition = definition
        self._resources = resources
        self._is_stopped: Callable[[], bool] = lambda: False

    def run(self, data: Any, context: Mapping[str, Any] | None = None, is_stopped: Callable[[], bool] = lambda: False) -> Any:
        """The output. Raises: Failed, Stopped."""
        self._is_stopped = is_stopped
        return self._machine(self._definition, data, dict(context or {}))

    def _machine(self, machine: Mapping[str, Any], data: Any, context: dict[str, Any]) -> Any:
        name: str | None = machine["StartAt"]
        begun_s = self.clock.now_s
        while name is not None:
            if self._is_stopped():
                raise Stopped
            if self.clock.now_s - begun_s > machine.get("TimeoutSeconds", float("inf")):
                raise Failed("States.Timeout")
            self.visited.append(name)
            if len(self.visited) * 5 > MOST_EVENTS:
                raise Failed("States.Runtime", "the history is too long")
            data, name = self._state(machine["States"][name], data, {**context, "State": {"Name": name}})
            if len(json.dumps(data)) > MOST_CHARS:
                raise Failed("States.DataLimitExceeded")
        return data

    def _state(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> tuple[Any, str | None]:
        """What goes on, and to which state."""
        kind = state["Type"]
        if kind == "Choice":
            return data, self._choose(state, _input(state, data, context), context)
        if kind == "Fail":
            told = {name: state[name] if name in state else evaluate(state[f"{name}Path"], data, context)
                    for name in ("Error", "Cause") if name in state or f"{name}Path" in state}  # fmt: skip
            raise Failed(told.get("Error", ""), told.get("Cause", ""))
        next_name = state.get("Next")
        if kind == "Succeed":
            return _output(state, _input(state, data, context), context), None
        if kind == "Wait":
            self.clock.wait(float(state["Seconds"] if "Seconds" in state else read(state["SecondsPath"], data, context)))
            return _output(state, _input(state, data, context), context), next_name
        if kind == "Pass":
            result = state["Result"] if "Result" in state else _given(state, data, context)
            return _output(state, write(state.get("ResultPath", "$"), data, result), context), next_name
        try:
            return self._with_retries(state, data, context), next_name
        except Failed as err:
            return self._caught(state, data, err)

    def _with_retries(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> Any:
        counts = [0] * len(state.get("Retry", ()))
        while True:
            if self._is_stopped():
                raise Stopped
            try:
                return self._work(state, data, context)
            except NoSuchPath as err:
                raise Failed("States.ParameterPathFailure", str(err)) from err
            except Failed as err:
                place = next((i for i, retry in enumerate(state.get("Retry", ())) if _matches(retry, err.error)), None)
                if place is None:
                    raise
                retry = state["Retry"][place]
                if counts[place] >= retry.get("MaxAttempts", 3):
                    raise
                pause_s = retry.get("IntervalSeconds", 1) * retry.get("BackoffRate", 2.0) ** counts[place]
                self.clock.wait(min(pause_s, retry.get("MaxDelaySeconds", pause_s)))
                counts[place] += 1

    def _caught(self, state: Mapping[str, Any], data: Any, err: Failed) -> tuple[Any, str | None]:
        for catch in state.get("Catch", ()):
            if _matches(catch, err.error):
                return write(catch.get("ResultPath", "$"), data, {"Error": err.error, "Cause": err.cause}), catch["Next"]
        raise err

    def _work(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> Any:
        result = {"Task": self._task, "Map": self._map, "Parallel": self._parallel}[state["Type"]](state, data, context)
        if "ResultSelector" in state:
            result = fill(state["ResultSelector"], result, context)
        return _output(state, write(state.get("ResultPath", "$"), data, result), context)

    def _task(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> Any:
        begun_s = self.clock.now_s
        given = _given(state, data, context)
        result = self._resources[state["Resource"]](given, self._is_stopped)
        if self.clock.now_s - begun_s > state.get("TimeoutSeconds", float("inf")):
            raise Failed("States.Timeout")
        if self._is_stopped():
            raise Stopped
        return result

    def _map(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> list[Any]:
        items = read(state.get("ItemsPath", "$"), _input(state, data, context), context)
        results = []
        for index, item in enumerate(items):
            inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            given = fill(state["ItemSelector"], data, inner) if "ItemSelector" in state else item
            results.append(self._machine(state["ItemProcessor"], given, inner))
        return results

    def _parallel(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> list[Any]:
        given = _given(state, data, context)
        return [self._machine(branch, given, context) for branch in state["Branches"]]

    def _choose(self, state: Mapping[str, Any], data: Any, context: dict[str, Any]) -> str:
        for rule in state["Choices"]:
            if _is_so(rule, data, context):
                return str(rule["Next"])
        if "Default" not in state:
            raise Failed("States.NoChoiceMatched")
        return str(state["Default"])


def _input(state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Any:
    path = state.get("InputPath", "$")
    return {} if path is None else read(path, data, context)


def _given(state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Any:
    entered = _input(state, data, context)
    return fill(state["Parameters"], entered, context) if "Parameters" in state else entered


def _output(state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Any:
    path = state.get("OutputPath", "$")
    return {} if path is None else read(path, data, context)


def _matches(rule: Mapping[str, Any], error: str) -> bool:
    names = rule["ErrorEquals"]
    # Neither of the two is caught by a net for everything.
    if error in ("States.DataLimitExceeded", "States.Runtime"):
        return error in names
    is_task_failure = not error.startswith("States.") or error == "States.TaskFailed"
    return error in names or "States.ALL" in names or ("States.TaskFailed" in names and is_task_failure)


def _is_so(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
    if "And" in rule:
        return all(_is_so(one, data, context) for one in rule["And"])
    if "Or" in rule:
        return any(_is_so(one, data, context) for one in rule["Or"])
    if "Not" in rule:
        return not _is_so(rule["Not"], data, context)
    name = next(name for name in rule if name not in ("Variable", "Next", "Comment"))
    try:
        value = read(rule["Variable"], data, context)
    except NoSuchPath as err:
        if name == "IsPresent":
            return not rule[name]
        raise Failed("States.Runtime", str(err)) from err
    wanted = read(rule[name], data, context) if name.endswith("Path") else rule[name]
    return _compare(name.removesuffix("Path"), value, wanted)


def _compare(name: str, value: Any, wanted: Any) -> bool:
    if name == "IsPresent":
        return bool(wanted)
    if name == "IsNull":
        return (value is None) == wanted
    kinds: dict[str, type | tuple[type, ...]] = {"String": str, "Numeric": (int, float), "Boolean": bool}
    kind = next(kind for kind in kinds if name.startswith(kind))
    if not isinstance(value, kinds[kind]) or (kind == "Numeric" and isinstance(value, bool)):
        return False
    return {
        "Equals": lambda: value == wanted, "LessThan": lambda: value < wanted, "GreaterThan": lambda: value > wanted,
        "LessThanEquals": lambda: value <= wanted, "GreaterThanEquals": lambda: value >= wanted,
    }[name.removeprefix(kind)]()  # fmt: skip


@dataclass
class Execution:
    """One run of a machine."""

    arn: str
    machine_arn: str
    name: str
    entered: str
    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    started_at: float = field(default_factory=time.time)
    stop: threading.Event = field(default_factory=threading.Event)
    interpreter: Interpreter | None = None
    thread: threading.Thread | None = None

    def end(self, status: str, error: str = "", cause: str = "") -> None:
        if self.status == "RUNNING":
            self.status, self.error, self.cause = status, error, cause


class StateMachines:
    """The API: executions of machines, each in a thread of its own."""

    def __init__(self, resources: Mapping[str, Resource], machines: Mapping[str, Mapping[str, Any]]) -> None:
        """Args: machines: definitions by ARN."""
        self.machines = dict(machines)
        self.executions: dict[str, Execution] = {}
        self._resources = resources
        self._lock = threading.Lock()

    def answer(self, action: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Raises: Refused."""
        if action == "StartExecution":
            return self._start(told["stateMachineArn"], told["name"], told["input"])
        if action == "DescribeStateMachine":
            if told["stateMachineArn"] not in self.machines:
                raise Refused("StateMachineDoesNotExist")
            return {"stateMachineArn": told["stateMachineArn"], "name": "m", "definition": "{}", "roleArn": "r", "type": "STANDARD",
                    "creationDate": 0}  # fmt: skip
        execution = self.executions.get(told["executionArn"])
        if execution is None:
            raise Refused("ExecutionDoesNotExist")
        if action == "StopExecution":
            execution.end("ABORTED", told.get("error", ""), told.get("cause", ""))
            execution.stop.set()
            return {"stopDate": time.time()}
        return _described(execution)

    def stop_all(self) -> None:
        for execution in self.executions.values():
            execution.stop.set()
        for execution in self.executions.values():
            if execution.thread is not None:
                execution.thread.join(60)
                assert not execution.thread.is_alive(), "an execution does not end"

    def _start(self, machine_arn: str, name: str, entered: str) -> dict[str, Any]:
        if machine_arn not in self.machines:
            raise Refused("StateMachineDoesNotExist")
        if len(name) > MOST_NAME_CHARS:
            raise Refused("InvalidName")
        if len(entered) > MOST_CHARS:
            raise Refused("InvalidExecutionInput")
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        with self._lock:
            known = self.executions.get(arn)
            if known is not None:
                if known.status != "RUNNING" or known.entered != entered:
                    raise Refused("ExecutionAlreadyExists")
                return {"executionArn": arn, "startDate": known.started_at}
            execution = Execution(arn, machine_arn, name, entered)
            self.executions[arn] = execution
        execution.interpreter = Interpreter(self.machines[machine_arn], self._resources)
        execution.thread = threading.Thread(target=self._run, args=(execution,), daemon=True)
        execution.thread.start()
        return {"executionArn": arn, "startDate": execution.started_at}

    def _run(self, execution: Execution) -> None:
        context = {"Execution": {"Id": execution.arn, "Name": execution.name, "Input": json.loads(execution.entered)}}
        assert execution.interpreter is not None
        try:
            execution.output = execution.interpreter.run(json.loads(execution.entered), context, execution.stop.is_set)
            execution.end("SUCCEEDED")
        except Stopped:
            execution.end("ABORTED")
        except Failed as err:
            execution.end("TIMED_OUT" if err.error == "States.Timeout" else "FAILED", err.error, err.cause)


def _described(execution: Execution) -> dict[str, Any]:
    told: dict[str, Any] = {
        "executionArn": execution.arn, "stateMachineArn": execution.machine_arn, "name": execution.name,
        "status": execution.status, "startDate": execution.started_at, "input": execution.entered,
    }  # fmt: skip
    if execution.status == "SUCCEEDED":
        told["output"] = json.dumps(execution.output)
    if execution.error:
        told |= {"error": execution.error, "cause": execution.cause}
    return told
