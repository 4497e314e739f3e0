"""Calls to AWS Lambda and Step Functions. Beside `storage/s3.py` the only module that touches boto3, at the first use.

Error messages are our own words: botocore's may carry addresses and key ids.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sightline.errors import Invalid, StorageError
from sightline.jobs.carriers.remote import OutcomeUnknown
from sightline.settings import Settings

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20
MOST_EVENT_BYTES = 256_000
"""Of an asynchronous call; some regions take more."""
FIRST_SERVER_ERROR = 500

BUSY = frozenset({
    "TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceException",
    "EC2ThrottledException", "ExecutionLimitExceeded", "RequestTimeout", "RequestTimeoutException", "SnapStartNotReadyException",
    "ResourceNotReadyException", "ResourceConflictException",
})  # fmt: skip
DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
    "ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
    "IncompleteSignature", "SignatureDoesNotMatch", "OptInRequired", "NotAuthorized",
})  # fmt: skip
ABSENT = frozenset({"ResourceNotFoundException", "StateMachineDoesNotExist", "InvalidArn", "StateMachineDeleting"})
UNKNOWN_EXECUTION = "ExecutionDoesNotExist"
KNOWN_EXECUTION = "ExecutionAlreadyExists"


class AwsCalls:
    """Thread-safe. Every method raises StorageError (transient: away, throttled) and Invalid (credentials, names in settings)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def invoke_later(self, function: str, event: Mapping[str, Any]) -> None:
        """Have a Lambda function called some time soon, once or several times. Raises: OutcomeUnknown, too."""
        body = json.dumps(event).encode()
        if len(body) > MOST_EVENT_BYTES:
            words = f"The job's description has more than the {MOST_EVENT_BYTES} bytes that Lambda takes."
            raise Invalid(words, code="too_large", limit_bytes=MOST_EVENT_BYTES)
        with _mapped_errors(f"the Lambda function {function} (LAMBDA_FUNCTION)", is_handover=True):
            self._client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=body)

    def start_execution(self, machine_arn: str, name: str, told: Mapping[str, Any]) -> None:
        """Start a state machine; the same name a second time starts nothing. Raises: OutcomeUnknown, too."""
        with _mapped_errors(f"the state machine {machine_arn} (STATE_MACHINE_ARN)", is_handover=True, passing=KNOWN_EXECUTION):
            self._client("stepfunctions").start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(told))

    def execution(self, execution_arn: str) -> dict[str, Any] | None:
        """What DescribeExecution says; None when there is no such execution (any more)."""
        with _mapped_errors("the state machine (STATE_MACHINE_ARN)", passing=UNKNOWN_EXECUTION):
            told: dict[str, Any] = self._client("stepfunctions").describe_execution(executionArn=execution_arn)
            return told
        return None

    def stop_execution(self, execution_arn: str) -> None:
        """Not knowing it is no error."""
        with _mapped_errors("the state machine (STATE_MACHINE_ARN)", passing=UNKNOWN_EXECUTION):
            self._client("stepfunctions").stop_execution(executionArn=execution_arn, error="Cancelled", cause="A person wanted it")

    def check_function(self, function: str) -> None:
        """Raises: Invalid: there is none of that name, or we may not see it."""
        with _mapped_errors(f"the Lambda function {function} (LAMBDA_FUNCTION)"):
            self._client("lambda").get_function_configuration(FunctionName=function)

    def check_machine(self, machine_arn: str) -> None:
        """Raises: Invalid: there is none of that name, or we may not see it."""
        with _mapped_errors(f"the state machine {machine_arn} (STATE_MACHINE_ARN)"):
            self._client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = _connect(service, self._settings)
            return self._clients[service]


def _connect(service: str, settings: Settings) -> Any:
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=settings.aws_access_key_id.get_secret_value() or None,
        aws_secret_access_key=settings.aws_secret_access_key.get_secret_value() or None,
        aws_session_token=settings.aws_session_token.get_secret_value() or None,
        region_name=settings.aws_region,
    )
    # Whoever hands jobs over retries with its own patience, and knows which calls may be made twice.
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 1})
    return session.client(service, endpoint_url=settings.aws_endpoint_url or None, config=config)


@contextmanager
def _mapped_errors(target: str, *, is_handover: bool = False, passing: str = "") -> Iterator[None]:
    """Args: is_handover: an answer that was lost leaves open what has happened. passing: this code of an error is none."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as err:
        if err.response.get("Error", {}).get("Code") != passing:
            raise _refusal(target, err.response) from err
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError) as err:
        message = "There are no usable AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        raise Invalid(message, code="aws_no_credentials") from err
    except (exceptions.ParamValidationError, ValueError) as err:
        message = f"AWS cannot be asked for {target}: check its name, AWS_REGION and AWS_ENDPOINT_URL."
        raise Invalid(message, code="aws_bad_settings") from err
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError) as err:
        raise StorageError("AWS does not answer. Check the network and AWS_ENDPOINT_URL.", code="aws_unreachable") from err
    except (exceptions.BotoCoreError, OSError) as err:
        message = "AWS broke off in mid-answer."
        raise (OutcomeUnknown(message) if is_handover else StorageError(message, code="aws_unreachable")) from err


def _refusal(target: str, response: Mapping[str, Any]) -> Invalid | StorageError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in BUSY or status == 429 or status >= FIRST_SERVER_ERROR:
        return StorageError("AWS is busy or has a fault of its own; it is asked again.", code="aws_busy")
    if code in DENIED or status in (401, 403):
        message = f"AWS refuses our credentials for {target}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do."
        return Invalid(message, code="aws_denied")
    if code in ABSENT or status == 404:
        return Invalid(f"AWS has not got {target}: check its name and AWS_REGION.", code="aws_no_such_thing")
    return Invalid(f"AWS refused to run {target} ({code or status}).", code="aws_refused")
