"""The root of subscriptions."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Union

import strawberry

from contracts.accounts import Account as AccountStruct
from resolvers import subscriptions as resolvers
from resolvers.context import Info
from schema.accounts import Account
from schema.alerts import Alert
from schema.demands import READING
from schema.enums import AlertSeverity, FeedGapReason
from schema.scalars import DateTime, FeedCursor
from schema.views import argument, field, view

_CURSOR = "Where the feed stands after this event: hand it to `after` to go on from here."


@view(resolvers.AlertRaised, description="A new alert.", exact=True)
class AlertRaised:
    cursor: FeedCursor = field(_CURSOR)
    alert: Alert = field("The alert.")


@view(
    resolvers.AlertChanged,
    description="An alert came further on a device: delivered, seen, read or answered, here or elsewhere.",
    exact=True,
)
class AlertChanged:
    cursor: FeedCursor = field(_CURSOR)
    alert: Alert = field("The alert as that change left it.")


@view(resolvers.FeedCaughtUp, description="What was stored is delivered; what follows is live.", exact=True)
class FeedCaughtUp:
    cursor: FeedCursor = field(_CURSOR)


@view(
    resolvers.FeedGap,
    description="Events are missing before the next one; read `Customer.alerts` for them.",
    exact=True,
)
class FeedGap:
    cursor: FeedCursor = field(_CURSOR)
    reason: FeedGapReason = field("Why.")
    resumes_at: DateTime | None = field("When the oldest entry still kept was stored; null when not known.")


AlertFeedEvent = Annotated[
    Union[AlertRaised, AlertChanged, FeedCaughtUp, FeedGap],  # noqa: UP007 - Strawberry reads the members from here
    strawberry.union("AlertFeedEvent", description="What the alert feed delivers, in order and each once."),
]


async def _alert_feed(
    info: Info,
    after: Annotated[FeedCursor | None, argument("Go on after this cursor; null: from now.")] = None,
    minimum_severity: Annotated[
        AlertSeverity, argument("Only alerts of at least this severity; cursors move on all the same.")
    ] = AlertSeverity.INFO,
) -> AsyncIterator[resolvers.FeedEvent]:
    return await resolvers.alert_feed(info, after, minimum_severity)


async def _account_changed(
    info: Info, id: Annotated[strawberry.ID, argument("Global id of an account.")]
) -> AsyncIterator[AccountStruct]:
    return await resolvers.account_changed(info, id)


def _stream(description: str, resolver: Any) -> Any:
    return strawberry.subscription(description=description, resolver=resolver, directives=[READING])


@strawberry.type(description="What can be followed as it happens.")
class Subscription:
    alert_feed: AsyncGenerator[AlertFeedEvent] = _stream(
        "The customer's alerts: first what was stored after a cursor, then FeedCaughtUp, then live. Nothing is lost, "
        "repeated or out of order across reconnects.",
        _alert_feed,
    )
    account_changed: AsyncGenerator[Account] = _stream(
        "An account each time its balance or status changes; a change may be reported twice.", _account_changed
    )
