"""From a producer's event to the phones of every holder, over both live transports."""

import pytest

from tests.journey.bank import Bank, kinds, take

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

UNREAD = "{ viewer { unreadAlertCount alerts { nodes { id state __typename } } } }"
REGISTER = """mutation { registerDevice(input: {platform: IOS, name: "Phone"}) {
  ... on RegisterDeviceSuccess { device { id } } } }"""
LISTED = """{ viewer { unreadAlertCount unread: alerts(filter: {states: [NEW, SEEN]}) { nodes { id } }
  all: alerts { nodes { id deliveries { stage device { id } } } } } }"""
ACKNOWLEDGE = "mutation($id: ID!) { acknowledgeAlert(id: $id) { __typename } }"


async def test_an_event_becomes_one_alert_on_every_holders_phone(bank: Bank) -> None:
    """Pending and booked are one alert; each holder gets it, on each transport; a stranger gets nothing."""
    await bank.post(*(bank.customer(name) for name in ("anna", "ben", "eve")))
    await bank.post(bank.account("shared", "anna", "ben"), bank.salary("shared"))
    async with bank.websocket("anna") as annas, bank.sse("ben") as bens, bank.sse("eve") as eves:
        assert kinds([*await take(annas, 1), *await take(bens, 1), *await take(eves, 1)]) == ["FeedCaughtUp"] * 3
        await bank.post(bank.payment("shared", "4000.00", "tv", what="pending"))
        await bank.post(bank.payment("shared", "4000.00", "tv"))
        await bank.settle(bank.payment("shared", "3000.00", "sofa"))
        received = [await take(annas, 2), await take(bens, 2)]
    assert [kinds(items) for items in received] == [["AlertRaised"] * 2] * 2
    assert len({item["alert"]["id"] for items in received for item in items}) == 4
    assert (await bank.ask("eve", UNREAD))["data"]["viewer"] == {"unreadAlertCount": 0, "alerts": {"nodes": []}}


async def test_a_phone_goes_on_where_it_was_cut(bank: Bank) -> None:
    """After a tunnel, on another transport, the cursor gives what was missed, once and in order, and then live."""
    await bank.post(bank.customer("carl"), bank.account("carls-account", "carl"), bank.salary("carls-account"))
    async with bank.sse("carl") as feed:
        await take(feed, 1)
        await bank.post(bank.payment("carls-account", "2000.00", "carl-one"))
        (first,) = await take(feed, 1)
    await bank.settle(
        bank.payment("carls-account", "2100.00", "carl-two"), bank.payment("carls-account", "2200.00", "carl-three")
    )
    async with bank.websocket("carl", first["cursor"]) as feed:
        missed = await take(feed, 3)
        await bank.post(bank.payment("carls-account", "2300.00", "carl-four"))
        missed += await take(feed, 1)
    seen = [first["alert"]["id"], *(item["alert"]["id"] for item in missed if "alert" in item)]
    assert kinds(missed) == ["AlertRaised", "AlertRaised", "FeedCaughtUp", "AlertRaised"]
    assert len(set(seen)) == 4


async def test_an_answer_on_one_device_shows_on_the_other(bank: Bank) -> None:
    """An acknowledgement is an entry of the same feed, and the unread count follows."""
    await bank.post(bank.customer("dora"), bank.account("doras-account", "dora"), bank.salary("doras-account"))
    async with bank.sse("dora") as feed:
        await take(feed, 1)
        await bank.post(bank.payment("doras-account", "2000.00", "dora-one"))
        (raised,) = await take(feed, 1)
        before = (await bank.ask("dora", UNREAD))["data"]["viewer"]["unreadAlertCount"]
        answer = await bank.ask("dora", ACKNOWLEDGE, id=raised["alert"]["id"])
        (changed,) = await take(feed, 1)
    after = (await bank.ask("dora", UNREAD))["data"]["viewer"]["unreadAlertCount"]
    assert answer["data"]["acknowledgeAlert"]["__typename"] != "InputErrors"
    assert (before, after) == (1, 0)
    assert changed["__typename"] == "AlertChanged"
    assert changed["alert"] == {"id": raised["alert"]["id"], "state": "ACKNOWLEDGED"}


async def test_each_device_tells_how_far_an_alert_came(bank: Bank) -> None:
    """The other device hears of it in the same feed; what is delivered is still unread, what is opened is not."""
    tell = """mutation($ids: [ID!]!, $stage: DeliveryStage!, $on: ID) {
      acknowledgeDelivery(ids: $ids, stage: $stage, deviceId: $on) { __typename } }"""
    await bank.settle(bank.customer("ines"), bank.account("ines-account", "ines"), bank.salary("ines-account"))
    registered = await bank.ask("ines", REGISTER)
    phone = registered["data"]["registerDevice"]["device"]["id"]
    async with bank.sse("ines") as feed:
        await take(feed, 1)
        await bank.post(bank.payment("ines-account", "2000.00", "ines-one"))
        (raised,) = await take(feed, 1)
        unread = []
        for stage in ("DELIVERED", "SEEN", "SEEN", "READ"):
            await bank.ask("ines", tell, ids=[raised["alert"]["id"]], stage=stage, on=phone)
            unread.append((await bank.ask("ines", UNREAD))["data"]["viewer"]["unreadAlertCount"])
        changed = await take(feed, 3)
    assert unread == [1, 1, 1, 0]
    assert [(kinds([one]), one["alert"]["state"]) for one in changed] == [
        (["AlertChanged"], "NEW"),
        (["AlertChanged"], "SEEN"),
        (["AlertChanged"], "READ"),
    ]


async def test_each_device_s_part_is_told_and_the_count_is_the_lists(bank: Bank) -> None:
    """Delivered, seen, read and answered, each on the device that told it; unread is what the list shows unread."""
    tell = """mutation($ids: [ID!]!, $stage: DeliveryStage!, $on: ID) {
      acknowledgeDelivery(ids: $ids, stage: $stage, deviceId: $on) { __typename } }"""
    answer = """mutation($id: ID!, $on: ID) {
      respondToAlert(id: $id, response: CONFIRM, deviceId: $on) { __typename } }"""
    await bank.post(bank.customer("hugo"), bank.account("hugos-account", "hugo"), bank.salary("hugos-account"))
    registered = [await bank.ask("hugo", REGISTER) for _ in range(2)]
    phone, tablet = (one["data"]["registerDevice"]["device"]["id"] for one in registered)
    async with bank.sse("hugo") as feed:
        await take(feed, 1)
        await bank.post(*(bank.payment("hugos-account", f"{n}000.00", f"hugo-{n}") for n in (2, 3)))
        (first, other) = [one["alert"]["id"] for one in await take(feed, 2)]
        steps = [
            (tell, {"ids": [first, other], "stage": "DELIVERED", "on": phone}),
            (tell, {"ids": [first], "stage": "SEEN", "on": tablet}),
            (tell, {"ids": [first], "stage": "READ", "on": phone}),
            (answer, {"id": first, "on": tablet}),
        ]
        seen = []
        for mutation, variables in steps:
            assert "errors" not in await bank.ask("hugo", mutation, **variables)
            seen.append((await bank.ask("hugo", LISTED))["data"]["viewer"])
        assert kinds(await take(feed, 5)) == ["AlertChanged"] * 5
    found = {
        one["id"]: {(d["device"]["id"], d["stage"]) for d in one["deliveries"]} for one in seen[-1]["all"]["nodes"]
    }
    assert [viewer["unreadAlertCount"] for viewer in seen] == [2, 2, 1, 1]
    assert [len(viewer["unread"]["nodes"]) for viewer in seen] == [2, 2, 1, 1]
    assert found == {first: {(phone, "READ"), (tablet, "ANSWERED")}, other: {(phone, "DELIVERED")}}


async def test_anothers_cursor_is_refused(bank: Bank) -> None:
    """A cursor is bound to its customer: in other hands it is a typed error, not a feed."""
    await bank.post(bank.customer("emil"), bank.customer("fay"))
    async with bank.sse("emil") as feed:
        (caught_up,) = await take(feed, 1)
    query = "subscription($after: FeedCursor) { alertFeed(after: $after) { __typename } }"
    headers = {"Authorization": f"Bearer {bank.token('eve')}", "Accept": "text/event-stream"}
    body = {"query": query, "variables": {"after": caught_up["cursor"]}}
    async with bank.http.post(f"{bank.belfry.urls['gateway']}/graphql", json=body, headers=headers) as response:
        assert "BAD_CURSOR" in await response.text()
