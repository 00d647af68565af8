"""What AWS's error codes mean to Belfry."""

import pytest

from aws.failures import failure_of_code
from contracts.failures import Conflict, Failure, NotFound, Overloaded, Unavailable


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", Overloaded),
        ("TooManyRequestsException", Overloaded),
        ("Throttled", Overloaded),
        ("ConditionalCheckFailedException", Conflict),
        ("ResourceNotFoundException", NotFound),
        ("AccessDeniedException", Unavailable),
        ("", Unavailable),
    ],
)
def test_a_code_is_a_failure_with_its_code_for_operators_only(code: str, kind: type[Failure]) -> None:
    """Throttles say when to come back; what AWS said is never in the message."""
    failure = failure_of_code(code, "event stream")
    assert (type(failure), failure.detail) == (kind, code)
    assert not code or code not in failure.message
    assert failure.retry_after_s == (1.0 if failure.retryable else None)
