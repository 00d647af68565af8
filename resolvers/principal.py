"""Who is asking: what the edge has verified of a token, and nothing of the token itself."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller; times are UNIX seconds (`expires_at` with the leeway), `acr` the level of authentication.

    `device_id`: the device the issuer bound the token to; None for a token of no particular device.
    """

    customer_id: str
    subject: str
    scopes: frozenset[str]
    expires_at: float
    acr: str | None = None
    auth_time: int | None = None
    token_id: str | None = None
    issued_at: int | None = None
    device_id: str | None = None

    def audience(self) -> "Principal":
        """Return what an event of a subscription may depend on: the customer and the scopes, nothing of one token.

        Events are executed for all who have this in common, so whatever else decided what is shown belongs in here.
        """
        return Principal(self.customer_id, self.subject, self.scopes, math.inf)
