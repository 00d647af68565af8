"""The signed-in customer: a name and where everything of theirs begins.

The viewer itself needs no call, so that alerts, say, are still answered while the account service is away.
"""

import msgspec

from contracts.accounts import Account, Card, Customer, Device, NotificationPreferences
from contracts.failures import NotFound
from resolvers.accounts import own_accounts
from resolvers.context import Info


class Viewer(msgspec.Struct, frozen=True):
    """The caller as the root of a query."""

    id: str


def viewer(info: Info) -> Viewer:
    """Return the caller."""
    return Viewer(info.context.customer_id)


async def given_name(root: Viewer, info: Info) -> str:
    """Return the given name."""
    return (await _customer(root, info)).given_name


async def family_name(root: Viewer, info: Info) -> str:
    """Return the family name."""
    return (await _customer(root, info)).family_name


async def locale(root: Viewer, info: Info) -> str:
    """Return the locale, a BCP 47 tag."""
    return (await _customer(root, info)).locale


async def time_zone(root: Viewer, info: Info) -> str:
    """Return the IANA time zone."""
    return (await _customer(root, info)).time_zone


async def residency_country(root: Viewer, info: Info) -> str:
    """Return the country of residence."""
    return (await _customer(root, info)).residency_country


async def accounts(info: Info) -> list[Account]:
    """Return every account the caller holds."""
    return await own_accounts(info, await info.context.access.account_ids())


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


async def _customer(root: Viewer, info: Info) -> Customer:
    customer = await info.context.loaders.customers.load(root.id)
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer
