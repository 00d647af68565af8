"""What an operation pays before it may run: its cost is bounded, and charged to its customer's rate."""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import OperationDefinitionNode

from gateway.costs import CostMode, CostModel, TooCostly
from gateway.documents import PreparedDocument
from gateway.rate_limits import RateLimits, Standing
from gateway.telemetry import COST, OVER_COST
from resolvers.principal import Principal


class Charge(msgspec.Struct, frozen=True):
    """What was paid, and what is left."""

    cost: int
    standing: Standing


PARSED_BYTES_PER_COST = 16
"""Text that was never seen has to be parsed and validated, whether or not it then runs: 64 KiB of it cost 4,096."""
SUGGESTIONS_COST = 1_500
"""What the suggestions of one request cost, which take as long as the validation of some 20 KiB at the worst."""


class Toll:
    """Charges operations, over every transport alike."""

    def __init__(self, costs: CostModel, rates: RateLimits, *, mode: CostMode, cost_max: int) -> None:
        self._costs = costs
        self._mode = mode
        self._cost_max = cost_max
        self.rates = rates

    def charge_parsing(self, principal: Principal, size: int) -> None:
        """Charge a text of `size` bytes before it is parsed, so that sending ever new ones is not free.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        self.rates.charge(principal.customer_id, size // PARSED_BYTES_PER_COST)

    def charge_suggestions(self, principal: Principal, size: int = 0) -> None:
        """Charge suggestions before they are looked for, and validating a document of `size` characters once more.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        self.rates.charge(principal.customer_id, SUGGESTIONS_COST + size // PARSED_BYTES_PER_COST)

    def charge(
        self,
        prepared: PreparedDocument,
        node: OperationDefinitionNode,
        variables: Mapping[str, Any],
        principal: Principal,
    ) -> Charge:
        """Charge an operation of a prepared document to its customer.

        Raises:
            TooCostly: over the bound, where that is enforced.
            RateLimited: the customer's minute is used up; may be retried later.
        """
        cost = self._costs.estimate(prepared, node, variables)
        COST.observe(cost)
        if cost <= self._cost_max:
            return Charge(cost, self.rates.charge(principal.customer_id, cost))
        OVER_COST.inc()
        # What is refused for its cost is charged as well: trying is not free.
        standing = self.rates.charge(principal.customer_id, self._cost_max)
        if self._mode is CostMode.ENFORCE:
            raise TooCostly(f"The operation costs {cost}; at most {self._cost_max} is allowed.")
        return Charge(cost, standing)
