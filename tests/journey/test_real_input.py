"""Files of a real shape, replayed through the command line, answer over GraphQL what the files say, to the cent.

The samples are made by the project itself; the real files pass the same comparisons (docs/performance.md).
"""

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from producers import birmingham, verification
from producers.berka import customer_id
from producers.samples import write_berka, write_birmingham
from resolvers.node_ids import encode_node_id
from tests.journey.bank import Bank, Json

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

SPENDING = """query($by: SpendingGroup!) { viewer {
  spending(period: {start: "2014-01-01", end: "2016-12-31"}, groupBy: $by) { groups { key total { amount currency } } }
} }"""
HISTORY = """query($id: ID!) { node(id: $id) { ... on Account {
  balanceHistory(period: {start: "1995-01-01", end: "1996-12-31"}) {
    referenceDate creditDebitIndicator amount { amount } } } } }"""
LOW_BALANCES = """{ viewer { alerts(filter: {kinds: [LOW_BALANCE]}, first: 100) { nodes {
  ... on LowBalanceAlert { transaction { id } } } } } }"""


async def replay(bank: Bank, path: Path, file_format: str) -> tuple[int, str]:
    """Replay a file as an operator would, until everything is applied; returns exit code and output."""
    command = [sys.executable, "-m", "gateway", "replay", str(path), "--format", file_format, "--restart"]
    process = await asyncio.create_subprocess_exec(
        *command, env=bank.belfry.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    await bank.settle()
    return process.returncode or 0, output.decode()


def signed(balance: Json) -> Decimal:
    amount = Decimal(balance["amount"]["amount"])
    return -amount if balance["creditDebitIndicator"] == "DEBIT" else amount


@pytest.mark.parametrize("by", ["purpose", "category"])
async def test_spending_over_graphql_is_the_files_own_sum(bank: Bank, tmp_path: Path, by: str) -> None:
    """Every row is accounted for, the same file again adds nothing, and each card's sums are the file's."""
    file = write_birmingham(tmp_path / "cards.csv.gz")
    first, again = await replay(bank, file, "birmingham"), await replay(bank, file, "birmingham")
    expected = verification.expected_spending(verification.birmingham_rows(file), by=by)
    answered = {}
    for card in {card for card, _, _ in expected}:
        answer = await bank.ask(birmingham.ids_of(card).customer, SPENDING, by=by.upper())
        for group in answer["data"]["viewer"]["spending"]["groups"]:
            total = group["total"]
            answered[card, group["key"], total["currency"]] = Decimal(total["amount"])
    assert (first[0], again[0]) == (0, 0), first[1] + again[1]
    assert answered == {key: total for key, total in expected.items() if total or key in answered}


async def test_balances_and_low_balance_alerts_are_the_ledgers(bank: Bank, tmp_path: Path) -> None:
    """The booked balance of every complete account-day is the file's; each crossing of zero is one alert a holder."""
    folder = write_berka(tmp_path / "berka")
    code, output = await replay(bank, folder, "berka")
    holders = verification.expected_holders(folder)
    days: dict[tuple[str, str], Decimal] = {}
    alerts: set[tuple[str, str]] = set()
    for account, clients in holders.items():
        answer = await bank.ask(customer_id(min(clients)), HISTORY, id=encode_node_id("Account", account))
        days |= {(account, day["referenceDate"]): signed(day) for day in answer["data"]["node"]["balanceHistory"]}
    for client in set().union(*holders.values()):
        answer = await bank.ask(customer_id(client), LOW_BALANCES)
        for node in answer["data"]["viewer"]["alerts"]["nodes"]:
            alerts.add((client, node["transaction"]["id"]))
    crossings = verification.expected_crossings(folder)
    assert code == 0, output
    assert days == verification.expected_closing_balances(folder)
    assert alerts == {
        (client, encode_node_id("Transaction", transaction))
        for account, transactions in crossings.items()
        for transaction in transactions
        for client in holders[account]
    }
    assert alerts, json.dumps(crossings)
