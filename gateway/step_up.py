"""Step-up: what is sensitive needs a customer who signed in strongly, or a short while ago (RFC 9470).

A stolen but old session can read; it cannot unfreeze a card or answer "it was me". Pure but for the clock it is given.
"""

from collections.abc import Callable, Iterable, Mapping

from contracts.failures import Forbidden
from resolvers.principal import Principal

CLOCK_LEEWAY_S = 30
"""How far `auth_time` may lie ahead of this clock."""


class StepUpRequired(Forbidden):
    """The customer must sign in again, then repeat the request; `acr` and `maxAge` say what will do."""

    code = "STEP_UP_REQUIRED"
    status = 401

    def __init__(self, acrs: Iterable[str], max_age_s: int, fields: Iterable[str] = ()) -> None:
        super().__init__("Sign in again to do this.", detail=",".join(sorted(fields)))
        self.acrs = sorted(acrs)
        self.max_age_s = max_age_s

    @property
    def hints(self) -> Mapping[str, object]:
        """Return what will do: one of these levels, or an authentication at most this many seconds old."""
        return {"acr": self.acrs, "maxAge": self.max_age_s}

    @property
    def challenge(self) -> str:
        """Return the `WWW-Authenticate` value of RFC 9470, section 3."""
        levels = f', acr_values="{" ".join(self.acrs)}"' if self.acrs else ""
        return f'Bearer realm="belfry", error="insufficient_user_authentication", max_age={self.max_age_s}{levels}'


class StepUp:
    """Decides whether an authentication is strong or fresh enough."""

    def __init__(self, *, acrs: Iterable[str], max_age_s: int, clock: Callable[[], float]) -> None:
        """Take the levels (`acr`) that always do, and the age in seconds up to which any does."""
        self._acrs = frozenset(acrs)
        self._max_age_s = max_age_s
        self._clock = clock

    def demand(self, principal: Principal, fields: Iterable[str]) -> float | None:
        """Let the caller pass to these fields; return until when (UNIX seconds), None for as long as the token is good.

        Raises:
            StepUpRequired: neither strong nor fresh; may be repeated after signing in again.
        """
        if principal.acr in self._acrs:
            return None
        if principal.auth_time is not None:
            age_s = self._clock() - principal.auth_time
            if -CLOCK_LEEWAY_S <= age_s <= self._max_age_s:
                return float(principal.auth_time + self._max_age_s)
        raise StepUpRequired(self._acrs, self._max_age_s, fields)
