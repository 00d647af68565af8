"""The last good answer of some reads is kept for its customer, and given again, with its age, when the service fails.

Only what `Route.keeps` allows (insights): a balance, a card's state, an alert or an entitlement is never answered from
memory. An answer is kept under the customer who asked and the whole question, so it never crosses identities; it is
forgotten after `age_s_max` seconds, or earlier when the bound on bytes is reached, oldest first.
"""

from collections import OrderedDict
from typing import NamedTuple

from clients.deadline import Clock, Errand
from clients.telemetry import KEPT_ANSWERS
from clients.transport import Answer, PreparedRequest, TransportError
from contracts.failures import Failure

OVERHEAD_BYTES = 300
"""What keeping an answer costs besides its body."""
_AGE = "age_s"

_Key = tuple[str, str, str]


class _Kept(NamedTuple):
    kept_at: float
    body: bytes


class KeptAnswers:
    """The answers kept by this gateway; at most `bytes_max` together."""

    def __init__(self, *, age_s_max: float, bytes_max: int, clock: Clock) -> None:
        self._age_s_max = age_s_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._answers: OrderedDict[_Key, _Kept] = OrderedDict()
        self.bytes = 0

    def keep(self, key: _Key, body: bytes) -> None:
        """Keep an answer in place of the one before."""
        self._drop(key)
        if len(body) + OVERHEAD_BYTES > self._bytes_max:
            return
        self._answers[key] = _Kept(self._clock(), body)
        self.bytes += len(body) + OVERHEAD_BYTES
        while self.bytes > self._bytes_max:
            self._drop(next(iter(self._answers)))

    def find(self, key: _Key) -> tuple[bytes, float] | None:
        """Return what was kept and its age in seconds, when it is not too old."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        age_s = self._clock() - kept.kept_at
        if age_s > self._age_s_max:
            self._drop(key)
            return None
        return kept.body, age_s

    def _drop(self, key: _Key) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self.bytes -= len(kept.body) + OVERHEAD_BYTES


class Keeping:
    """Keeps answers of one service and gives them again when it fails."""

    def __init__(self, name: str, kept: KeptAnswers) -> None:
        self._kept = kept
        self._name = name
        self._counted = KEPT_ANSWERS.labels(name)

    def answer(self, request: PreparedRequest, answer: Answer) -> Answer:
        """Keep a good answer; return what was kept instead of a bad one, where there is something."""
        key = self._key(request)
        if key is None:
            return answer
        if answer.status_code == 200 and answer.body is not None:
            self._kept.keep(key, answer.body)
        return (self._again(key) or answer) if answer.status_code >= 500 else answer

    def instead_of(self, failure: Failure | TransportError, request: PreparedRequest) -> Answer | None:
        """Return what was kept, where there is something and the failure decides nothing."""
        if isinstance(failure, Failure) and not failure.retryable:
            return None
        key = self._key(request)
        return None if key is None else self._again(key)

    def _key(self, request: PreparedRequest) -> _Key | None:
        errand = request.deadline
        if not request.route.keeps or not isinstance(errand, Errand) or not errand.customer_id:
            return None
        return self._name, errand.customer_id, request.target

    def _again(self, key: _Key) -> Answer | None:
        found = self._kept.find(key)
        if found is None:
            return None
        self._counted.inc()
        answer = Answer(200, [(b"content-type", b"application/json")], body=found[0])
        answer.extensions[_AGE] = found[1]
        return answer


def age_of(answer: Answer) -> float | None:
    """Return how many seconds ago an answer was kept; None for one from now."""
    age_s: float | None = answer.extensions.get(_AGE)
    return age_s
