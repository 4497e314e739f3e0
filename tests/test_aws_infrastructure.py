"""What is shipped for AWS is true: the template is valid, the machines fit their schema, and all that they name exists.

Nothing of it is built or run on AWS here. The machines themselves are executed in `tests/jobs/remote/test_state_machines.py`.
"""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sightline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "infrastructure/aws"
MACHINES = ("job", "showcase")
PACKAGED_FIRST = ("W3002", "W1101")
"""Warnings about paths and aliases that `aws cloudformation package` resolves; docs/operations.md says to call it."""
MOST_PARALLEL = 40
"""What one execution runs at the same time in an inline Map."""


class Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": "x"}`."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)  # type: ignore[arg-type]
    return {tag: value}


Loader.add_multi_constructor("!", _tagged)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(yaml.load((FOLDER / "template.yaml").read_text(), Loader))


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == f"AWS::{kind}"}


def machine(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.asl.json").read_text()))


def levels(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine, and those within its maps and branches."""
    yield definition
    for state in definition["States"].values():
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            if inner:
                yield from levels(inner)


def following(state: dict[str, Any]) -> set[str]:
    told = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {one["Next"] for one in told if "Next" in one} | ({state["Default"]} if "Default" in state else set())


def test_the_template_is_valid() -> None:
    ignored = [word for code in PACKAGED_FIRST for word in ("--ignore-checks", code)]
    command = [str(Path(sys.executable).with_name("cfn-lint")), *ignored, "--", str(FOLDER / "template.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_fits_the_schema_of_the_language(name: str) -> None:
    schema = resources.files("cfnlint.data.schemas.other.step_functions").joinpath("statemachine.json")
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(machine(name))


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_every_failure_is_caught(name: str) -> None:
    for level in levels(machine(name)):
        reached = {level["StartAt"]} | {one for state in level["States"].values() for one in following(state)}
        assert reached == set(level["States"])
        for state in level["States"].values():
            if state["Type"] in ("Task", "Map", "Parallel"):
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
            if state["Type"] == "Task":
                assert state["Retry"] and state["TimeoutSeconds"]
            if state["Type"] == "Map":
                assert 0 < state["MaxConcurrency"] <= MOST_PARALLEL


def test_machines_get_exactly_what_they_leave_open(template: dict[str, Any]) -> None:
    given = {name: set(one["DefinitionSubstitutions"]) for name, one in of_type(template, "StepFunctions::StateMachine").items()}
    open_ = {word for name in MACHINES for word in re.findall(r"\$\{(\w+)\}", (FOLDER / f"{name}.asl.json").read_text())}
    assert given == {"JobMachine": open_, "ShowcaseMachine": open_}
    files = {one["DefinitionS3Location"] for one in of_type(template, "StepFunctions::StateMachine").values()}
    assert files == {f"{name}.asl.json" for name in MACHINES}


def test_every_function_has_a_handler_its_logs_and_time(template: dict[str, Any]) -> None:
    groups = {json.dumps(one["LogGroupName"]) for one in of_type(template, "Logs::LogGroup").values()}
    functions = of_type(template, "Lambda::Function")
    for one in functions.values():
        (command,) = one["ImageConfig"]["Command"]
        module, _, name = command.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
        assert json.dumps({"Sub": f"/aws/lambda/{one['FunctionName']['Sub']}"}) in groups
    limits = {name: one["Timeout"] for name, one in functions.items()}
    assert limits["RunJobFunction"] == limits["AnalyzeClipFunction"] == 900
    assert machine("job")["States"]["InFunction"]["TimeoutSeconds"] > 900
    assert machine("showcase")["States"]["Analyze"]["ItemProcessor"]["States"]["One"]["TimeoutSeconds"] > 900
    shipped = {path.parent.name for path in (ROOT / "lambda_functions").glob("*/handler.py")}
    assert {one["ImageConfig"]["Command"][0].split(".")[1] for one in functions.values()} == shipped


def test_functions_and_containers_are_given_settings_that_exist(template: dict[str, Any]) -> None:
    known = {
        str(name) for f in Settings.model_fields.values() for name in getattr(f.validation_alias, "choices", [f.validation_alias])
    }
    for one in of_type(template, "Lambda::Function").values():
        assert set(one["Environment"]["Variables"]) <= known
    (task,) = of_type(template, "ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]
    assert {one["Name"] for one in container["Environment"]} <= known
    overrides = [machine("job")["States"]["InContainer"], machine("showcase")["States"]["Render"]]
    assert {o["Parameters"]["Overrides"]["ContainerOverrides"][0]["Name"] for o in overrides} == {container["Name"]}
    assert importlib.util.find_spec(f"{container['EntryPoint'][-1]}.__main__") is not None


def test_nothing_may_do_everything(template: dict[str, Any]) -> None:
    documents = [one["PolicyDocument"] for one in of_type(template, "IAM::ManagedPolicy").values()]
    documents += [p["PolicyDocument"] for one in of_type(template, "IAM::Role").values() for p in one.get("Policies", ())]
    statements = [statement for document in documents for statement in document["Statement"]]
    actions = [a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])]
    assert statements and not [action for action in actions if "*" in action]
    assert not [statement for statement in statements if statement["Resource"] == "*"]


def test_buckets_are_private_and_forget_uploads_that_broke_off(template: dict[str, Any]) -> None:
    buckets = of_type(template, "S3::Bucket")
    assert len(buckets) == 2
    for one in buckets.values():
        assert set(one["PublicAccessBlockConfiguration"].values()) == {True}
        assert any("AbortIncompleteMultipartUpload" in rule for rule in one["LifecycleConfiguration"]["Rules"])
    (rule,) = buckets["VideosBucket"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedMethods"], rule["ExposedHeaders"]) == (["PUT"], ["ETag"])


def test_the_image_copies_what_is_there() -> None:
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    sources = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
    assert {"sightline", "analyzers", "lambda_functions"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    (command,) = json.loads(next(line for line in lines if line.startswith("CMD ")).removeprefix("CMD "))
    assert command == "lambda_functions.run_job.handler.handle"
    assert "awslambdaric==" in (FOLDER / "requirements.lock").read_text()
