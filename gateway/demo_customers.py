"""Whom GraphiQL offers to look through in the demo, and their tokens. Added by app.py in the demo only."""

import asyncio
from collections import Counter

from clients.backends import Backends
from clients.deadline import Deadline
from contracts.accounts import Customer
from gateway.demo_issuer import DemoIssuer
from gateway.ide import DemoCustomer

CUSTOMERS_MAX = 50
"""Customers offered; more are reached with `belfry token --customer`."""
ANSWER_S_MAX = 5.0


class DemoCustomers:
    """Implements `gateway.ide.DemoDirectory` over the account service and the demo issuer."""

    def __init__(self, backends: Backends, issuer: DemoIssuer) -> None:
        self._accounts = backends.accounts
        self._issuer = issuer

    async def customers(self) -> list[DemoCustomer]:
        """Return the first customers in the order of their ids, with what each has."""
        deadline = Deadline.after(ANSWER_S_MAX)
        found = await self._accounts.all_customers("", CUSTOMERS_MAX, deadline)
        return list(await asyncio.gather(*(self._describe(customer, deadline) for customer in found)))

    def mint_token(self, customer_id: str) -> str:
        """Return a fresh token of a customer."""
        return self._issuer.mint_token(customer_id)

    async def _describe(self, customer: Customer, deadline: Deadline) -> DemoCustomer:
        held = await self._accounts.entitlements(customer.id, deadline)
        roles = Counter(entitlement.role.value.lower() for entitlement in held.accounts)
        accounts = ", ".join(f"{count} as {role}" for role, count in sorted(roles.items())) or "none"
        description = f"accounts: {accounts}; cards: {len(held.card_ids)}"
        return DemoCustomer(customer.id, f"{customer.given_name} {customer.family_name}", description)
