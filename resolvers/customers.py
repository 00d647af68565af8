"""The signed-in customer: a name and where everything of theirs begins.

The viewer itself needs no call, so that alerts, say, are still answered while the account service is away.
"""

from collections.abc import Callable
from functools import partial
from operator import attrgetter

import msgspec

from contracts.accounts import Account, Card, Customer, Device, NotificationPreferences
from contracts.failures import NotFound
from resolvers.accounts import existing
from resolvers.context import Info, RequestContext
from resolvers.loads import Load


class Viewer(msgspec.Struct, frozen=True):
    """The caller as the root of a query."""

    id: str


def viewer(info: Info) -> Viewer:
    """Return the caller."""
    return Viewer(info.context.customer_id)


def given_name(roots: list[Viewer], context: RequestContext) -> list[Load[str]]:
    """Load the given name."""
    return _of_customers(roots, context, attrgetter("given_name"))


def family_name(roots: list[Viewer], context: RequestContext) -> list[Load[str]]:
    """Load the family name."""
    return _of_customers(roots, context, attrgetter("family_name"))


def locale(roots: list[Viewer], context: RequestContext) -> list[Load[str]]:
    """Load the locale, a BCP 47 tag."""
    return _of_customers(roots, context, attrgetter("locale"))


def time_zone(roots: list[Viewer], context: RequestContext) -> list[Load[str]]:
    """Load the IANA time zone."""
    return _of_customers(roots, context, attrgetter("time_zone"))


def residency_country(roots: list[Viewer], context: RequestContext) -> list[Load[str]]:
    """Load the country of residence."""
    return _of_customers(roots, context, attrgetter("residency_country"))


def accounts(info: Info) -> Load[list[Account]]:
    """Load every account the caller holds."""
    return info.context.access.account_ids().then(partial(_accounts, info))


def _accounts(info: Info, account_ids: list[str]) -> Load[list[Account]]:
    return info.context.loaders.accounts.load_many(account_ids).then(existing)


async def cards(info: Info) -> list[Card]:
    """Return every card the caller may see."""
    found = await info.context.loaders.cards.load_many(await info.context.access.card_ids())
    return [card for card in found if card is not None]


async def devices(root: Viewer, info: Info) -> list[Device]:
    """Return the caller's devices."""
    return await info.context.backends.accounts.devices_of(root.id, info.context.deadline)


async def preferences(root: Viewer, info: Info) -> NotificationPreferences:
    """Return the customer's preferences, the bank's defaults where none were set."""
    found = await info.context.backends.accounts.preferences(root.id, info.context.deadline)
    if not found:
        raise NotFound("There is no such customer.")
    return found[0]


def _of_customers(roots: list[Viewer], context: RequestContext, read: Callable[[Customer], str]) -> list[Load[str]]:
    loads = context.loaders.customers.load_each([root.id for root in roots])
    return [load.then(lambda customer: read(_required(customer))) for load in loads]


def _required(customer: Customer | None) -> Customer:
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer
