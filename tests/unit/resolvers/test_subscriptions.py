"""The alert feed and account changes, from the feed port to the events the app sees."""

from typing import Any

import pytest

from contracts.alerts import LogEntryKind
from contracts.feed import CaughtUp, FeedGapReason, Gap
from contracts.vocabulary import AlertSeverity
from resolvers.node_ids import encode_node_id
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, SCHEMA, Feed, Services, context_of, delivered

FEED = """subscription($after: FeedCursor, $least: AlertSeverity! = INFO) {
  alertFeed(after: $after, minimumSeverity: $least) { __typename
    ... on AlertRaised { cursor alert { id cursor severity } } ... on AlertChanged { cursor alert { id } }
    ... on FeedCaughtUp { cursor } ... on FeedGap { cursor reason resumesAt } } }"""


async def _events(services: Services, feed: Feed, **variables: Any) -> list[Any]:
    stream: Any = await SCHEMA.subscribe(FEED, variable_values=variables, context_value=context_of(services, feed=feed))
    results = [result async for result in stream]
    assert all(result.errors is None for result in results)
    return [result.data["alertFeed"] for result in results]


def _seq(event: Any) -> int:
    return CURSORS.read(event["cursor"], ANNA)


async def test_every_feed_item_becomes_an_event_with_its_cursor(services: Services) -> None:
    """Raised, changed, caught up and gap keep their order and their place in the log."""
    gap = Gap(9, FeedGapReason.EXPIRED, "2026-01-01T00:00:00Z")
    feed = Feed([gap, delivered(10), CaughtUp(10), delivered(11, LogEntryKind.CHANGED)])
    events = await _events(services, feed)
    assert [event["__typename"] for event in events] == ["FeedGap", "AlertRaised", "FeedCaughtUp", "AlertChanged"]
    assert [_seq(event) for event in events] == [9, 10, 10, 11]
    assert events[1]["alert"]["cursor"] == events[1]["cursor"]
    assert events[0]["reason"] == "EXPIRED"
    assert services.calls == []


async def test_a_feed_goes_on_after_a_cursor_or_from_now(services: Services) -> None:
    """The cursor's seq is what the feed is asked for; none asks for what is to come."""
    feed = Feed()
    await _events(services, feed, after=CURSORS.sign(ANNA, 5, 0))
    await _events(services, feed)
    assert feed.asked_after == [5, None]


async def test_a_feed_leaves_out_what_is_below_the_least_severity(services: Services) -> None:
    """Cursors move on over what was left out."""
    feed = Feed([delivered(1, severity=AlertSeverity.LOW), delivered(2, severity=AlertSeverity.CRITICAL), CaughtUp(2)])
    events = await _events(services, feed, least="HIGH")
    assert [_seq(event) for event in events] == [2, 2]


async def test_a_feed_never_shows_another_customers_alert(services: Services) -> None:
    """Ownership is asked here too, whatever the port delivers."""
    assert await _events(services, Feed([delivered(1, customer_id=BEN)])) == []


@pytest.mark.parametrize("after", [CURSORS.sign(BEN, 5, 0), "AAAA", "x" * 42])
async def test_a_feed_refuses_a_cursor_that_is_not_yours(services: Services, after: str) -> None:
    """Foreign, forged and garbage cursors look alike, before the feed starts."""
    stream: Any = await SCHEMA.subscribe(
        FEED, variable_values={"after": after}, context_value=context_of(services, feed=Feed([delivered(1)]))
    )
    [result] = [result async for result in stream]
    assert result.errors[0].original_error.problem().code == "BAD_CURSOR"
    assert result.errors[0].message == "The cursor cannot be read."


async def test_a_changed_account_is_read_anew(services: Services) -> None:
    """Each change reads the account and whether it is still the caller's."""
    stream: Any = await SCHEMA.subscribe(
        "subscription($id: ID!) { accountChanged(id: $id) { displayName balance { amount { amount } } } }",
        variable_values={"id": encode_node_id("Account", "a-current")},
        context_value=context_of(services),
    )
    [result] = [result async for result in stream]
    assert result.data == {"accountChanged": {"displayName": "a-current", "balance": {"amount": {"amount": "50.00"}}}}
    assert services.paths().count("/customers/anna/entitlements") == 2
