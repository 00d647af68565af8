"""What AWS says went wrong, in Belfry's own terms. Pure: it knows codes, not clients."""

from contracts.failures import Conflict, Failure, NotFound, Overloaded, Unavailable

RETRY_AFTER_S = 1.0

THROTTLES = frozenset(
    {
        "KMSThrottling",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "Throttled",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_BUSY = THROTTLES | {
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "TransactionConflict",
    "TransactionConflictException",
}
"""With what a transaction is cancelled for."""
_ABSENT = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


class Told(Exception):
    """An error that tells the caller something of what it asked about: its code, and its text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


def failure_of_code(code: str, what: str) -> Failure:
    """Return the failure an error code of AWS means; `what` was asked."""
    if code in _BUSY:
        return Overloaded(f"The {what} is busy.", detail=code, retry_after_s=RETRY_AFTER_S)
    if code == "ConditionalCheckFailedException":
        return Conflict(f"The {what} has moved on.", code="VERSION_MOVED_ON", detail=code)
    if code in _ABSENT:
        return NotFound(f"The {what} does not exist.", detail=code)
    return Unavailable(f"The {what} does not answer.", detail=code, retry_after_s=RETRY_AFTER_S)
