"""Pages of the transaction history over HTTP: filters, order, cursors, and what is refused. Nothing here writes."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import pytest_asyncio

from contracts.transactions import AccountTransactionPage, Transaction
from tests.cases import each
from tests.unit.services.events.samples import OPENING, payment
from tests.unit.services.events.serving import ids, page, send, served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Two accounts: three payments in EUR on three days, two in JPY on the first two of them."""
    async with served(tmp_path_factory.mktemp("history")) as client:
        await fill(client)
        yield client


async def fill(client: httpx.AsyncClient) -> None:
    await send(
        client,
        *OPENING,
        payment(id="e1", transactionId="t1", time="2026-01-01T10:00:00Z", merchant=merchant("Café Ütz", "5812")),
        payment(id="e2", transactionId="t2", time="2026-01-02T10:00:00Z", creditDebitIndicator="CRDT"),
        payment("payment.pending", id="e3", transactionId="t3", time="2026-01-03T23:59:59.5Z"),
        *(
            payment(
                id=f"j{day}", transactionId=f"j{day}", time=f"2026-01-0{day}T12:00:00+02:00", accountId="acc-2",
                amount={"amount": f"{day}2", "currency": "JPY"},
            )
            for day in (1, 2)
        ),
    )  # fmt: skip


def merchant(name: str, code: str) -> dict[str, str]:
    return {"name": name, "merchantCategoryCode": code}


BOTH = "accountId=acc-1&accountId=acc-2"


@each(
    ("query", "expected"),
    [
        (BOTH, ["t3", "t2", "j2", "t1", "j1"]),
        ("accountId=nobody", []),
        (f"{BOTH}&from=2026-01-02", ["t3", "t2", "j2"]),
        (f"{BOTH}&to=2026-01-01", ["t1", "j1"]),
        (f"{BOTH}&from=2026-01-03&to=2026-01-03", ["t3"]),
        (f"{BOTH}&minAmount=12.31", ["j2"]),
        (f"{BOTH}&minAmount=12&maxAmount=12.30", ["t3", "t2", "t1", "j1"]),
        (f"{BOTH}&maxAmount=12.29", ["j1"]),
        (f"{BOTH}&direction=CRDT", ["t2"]),
        (f"{BOTH}&status=PDNG", ["t3"]),
        (f"{BOTH}&category=DINING&category=INCOME", ["t2", "t1"]),
        (f"{BOTH}&text=caf%C3%89%20%C3%BC", ["t1"]),
        (f"{BOTH}&text=%25", []),
    ],
)
async def test_a_filter_narrows_the_page(history: httpx.AsyncClient, query: str, expected: list[str]) -> None:
    """Newest first over all accounts; amounts are compared in each account's currency, text without case."""
    assert ids(await page(history, query)) == expected


async def test_pages_follow_each_other_without_hole_or_repeat(history: httpx.AsyncClient) -> None:
    """The cursor of the last edge starts the next page, over several accounts with equal times."""
    found: list[str] = []
    after = ""
    while True:
        part = await page(history, f"{BOTH}&first=2{after}")
        found += ids(part)
        if not part.has_next_page:
            break
        after = f"&after={part.edges[-1].cursor}"
    assert found == ["t3", "t2", "j2", "t1", "j1"]


async def test_each_account_has_its_own_page(history: httpx.AsyncClient) -> None:
    """One call answers a page for every account asked, in the order asked, empty ones too."""
    answer = await history.get("/transactions/by-account?accountId=acc-2&accountId=none&accountId=acc-1&first=1")
    pages = msgspec.json.decode(answer.content, type=list[AccountTransactionPage])
    assert [(each.account_id, ids(each.page)) for each in pages] == [("acc-2", ["j2"]), ("none", []), ("acc-1", ["t3"])]
    assert [each.page.has_next_page for each in pages] == [True, False, True]


async def test_transactions_are_found_by_id_and_unknown_ones_left_out(history: httpx.AsyncClient) -> None:
    """A batch read by ids answers those there are."""
    answer = await history.get("/transactions/by-id?id=t1&id=nope&id=j1")
    found = msgspec.json.decode(answer.content, type=list[Transaction])
    assert sorted(transaction.id for transaction in found) == ["j1", "t1"]


@pytest.mark.parametrize("cursor", ["!", "AAAA", "MjAyNi0wMS0wMVQxMDowMDowMC4wMDAwMDBa%0A", "é", "x" * 1000])
async def test_a_cursor_that_cannot_be_read_is_a_bad_cursor(history: httpx.AsyncClient, cursor: str) -> None:
    """Garbage for a page position is the caller's typed error."""
    answer = await history.get(f"/transactions?accountId=acc-1&after={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_CURSOR")


@each(
    "query",
    [
        "",
        "accountId=a&first=201",
        "accountId=a&first=0",
        "accountId=a&minAmount=NaN",
        "accountId=a&minAmount=-1",
        "accountId=a&from=2026-02-30",
        "accountId=a&direction=UP",
        "accountId=a&text=" + "x" * 141,
        "&".join(f"accountId=a{n}" for n in range(501)),
    ],
)
async def test_a_wrong_query_is_refused(history: httpx.AsyncClient, query: str) -> None:
    """Everything asked has a type and a bound."""
    answer = await history.get(f"/transactions?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_INPUT")
    pointer = answer.json().get("pointer")
    assert pointer is None or f"{pointer[1:]}=" in query
