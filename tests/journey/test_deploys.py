"""A gateway is replaced while phones listen: they are told when to come back and where they were, and miss nothing."""

import json
import signal

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from tests.journey.bank import FEED, PATIENCE_S, Bank, kinds, take

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_phones_go_on_over_a_deploy(mortal_bank: Bank) -> None:
    """SIGTERM closes each with its cursor; what is raised meanwhile comes once the next gateway is there."""
    bank, belfry = mortal_bank, mortal_bank.belfry
    await bank.post(bank.customer("gil"), bank.account("gils-account", "gil"), bank.salary("gils-account"))
    url = belfry.urls["gateway"].replace("http", "ws") + "/graphql"
    async with (
        bank.sse("gil") as events,
        connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
    ):
        await take(events, 1)
        await socket.send(json.dumps({"type": "connection_init", "payload": {"token": bank.token("gil")}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"  # before it, a subscribe closes with 4401
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FEED}}))
        assert json.loads(await socket.recv())["type"] == "next"
        await bank.post(bank.payment("gils-account", "2000.00", "gil-one"))
        (seen,) = await take(events, 1)
        assert json.loads(await socket.recv())["payload"]["data"]["alertFeed"] == seen
        gateway = belfry.processes.pop("gateway")
        gateway.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert closed.value.rcvd is not None
    farewell = json.loads(closed.value.rcvd.reason)
    assert closed.value.rcvd.code == 1012
    assert farewell["reconnectAfterMs"] > 0
    assert gateway.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    await bank.post(bank.payment("gils-account", "2100.00", "gil-two"))
    await belfry.start("gateway")
    for cursor in (seen["cursor"], farewell["cursor"]):
        async with bank.sse("gil", cursor) as events:
            missed = await take(events, 2)
        (again,) = [one for one in missed if one["__typename"] == "AlertRaised"]
        assert sorted(kinds(missed)) == ["AlertRaised", "FeedCaughtUp"]
        assert again["alert"]["id"] != seen["alert"]["id"]
