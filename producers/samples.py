"""Write small files in the formats of the real ones, from a seed, so that the project's tests need no outside data.

They hold what makes the real ones hard: exact duplicates, refunds, foreign amounts, rows without a billing amount,
several bookings of an account in a day in any order, and balances below zero.
"""

import csv
import gzip
import io
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from contracts.money import amount_of

_BIRMINGHAM_HEADER = (
    "transaction_date,card_masked,original_amount,original_currency,billing_amount,billing_currency,merchant_name,"
    "account_code,account_desc,cost_centre_code,cost_centre_desc,cac_code_3,vat_desc,directorate,source_file"
)
_DESCRIPTIONS = ("Equip Operational", "Vehicle Fuel", "Purchases Food", "Books", "Hospitality", "Travel Foreign", "")
_MERCHANTS = ("north street stationers", "green lane fuel", "the corner grocer", "bookwell online", "hotel am ring")
_TRANS_HEADER = (
    "trans_id,account_id,booking_date,credit_debit_indicator,operation,amount_czk,balance_after_czk,purpose,"
    "counterparty_bank,counterparty_account,source"
)
BERKA_ACCOUNTS = 8


def write_birmingham(path: Path, *, seed: int = 1, rows: int = 400) -> Path:
    """Write a gzip CSV of `rows` rows in date order, about 3 % of them exact duplicates of an earlier one."""
    chance = random.Random(seed)
    cards = [f"************{chance.randrange(10_000):04}" for _ in range(12)]
    lines: list[list[str]] = []
    day = date(2014, 4, 1)
    for number in range(rows):
        day += timedelta(days=chance.random() < 0.3)
        line = _purchase(chance, day, cards, number)
        lines.append([*lines[-1][:-1], "repeated.xls"] if lines and chance.random() < 0.03 else line)
    return _write(path, _BIRMINGHAM_HEADER.split(","), lines)


def _purchase(chance: random.Random, day: date, cards: Sequence[str], number: int) -> list[str]:
    minor = chance.randrange(50, 30_000) * (-1 if chance.random() < 0.05 else 1)
    currency = chance.choice(("", "", "GBP", "GBP", "EUR", "JPY"))
    original = amount_of(minor * 2, "GBP") if currency == "EUR" else amount_of(minor, "GBP")
    if currency == "JPY":
        original = str(minor * 2)
    billed = amount_of(minor, "GBP") if currency else ""
    return [
        day.isoformat(), chance.choice(cards), original, currency, billed, "GBP" if currency else "",
        chance.choice(_MERCHANTS), "L100", chance.choice(_DESCRIPTIONS), f"RC{number:04}", "Sample Centre", "A00", "VR",
        "Samples", "sample.xls",
    ]  # fmt: skip


def write_berka(folder: Path, *, seed: int = 1, days: int = 120) -> Path:
    """Write the six tables: `BERKA_ACCOUNTS` accounts, half of them joint, and some of them below zero at times."""
    chance = random.Random(seed)
    accounts = [str(100 + number) for number in range(BERKA_ACCOUNTS)]
    opened = date(1995, 1, 1)
    owners = [(str(1 + 2 * at), account, "OWNER") for at, account in enumerate(accounts)]
    joint = [(str(2 + 2 * at), account, "DISPONENT") for at, account in enumerate(accounts) if at % 2]
    holders = owners + joint
    _write(folder / "account.csv", ("account_id", "opened"), [(account, opened.isoformat()) for account in accounts])
    _write(
        folder / "client.csv", ("client_id", "gender"), [(client, "FM"[int(client) % 2]) for client, _, _ in holders]
    )
    disponents = [(f"9{client}", client, account, role) for client, account, role in holders]
    _write(folder / "disp.csv.gz", ("disp_id", "client_id", "account_id", "type"), disponents)
    _write(folder / "card.csv", ("card_id", "disp_id", "type", "issued"), [("7", "91", "classic", "1995-02-01")])
    orders = [("501", "100", "YZ", "87144583", "2452.00", "HOUSEHOLD")]
    _write(
        folder / "standing_order.csv", ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"), orders
    )
    _write(folder / "trans.csv.gz", _TRANS_HEADER.split(","), _bookings(chance, accounts, opened, days))
    return folder


def _bookings(chance: random.Random, accounts: Sequence[str], opened: date, days: int) -> list[list[str]]:
    lines: list[list[str]] = []
    balances = dict.fromkeys(accounts, 0)
    for offset in range(days):
        day = (opened + timedelta(days=offset)).isoformat()
        for account in accounts:
            booked = []
            for _ in range(chance.choice((0, 0, 1, 3)) if offset else 1):
                minor = _movement(chance, balances[account])
                balances[account] += minor
                booked.append((minor, balances[account]))
            chance.shuffle(booked)
            lines += [_booking(str(len(lines) + at), account, day, *each) for at, each in enumerate(booked)]
    return lines


def _movement(chance: random.Random, balance: int) -> int:
    if balance < 0 or chance.random() < 0.4:
        return chance.randrange(10_000, 300_001)
    return -chance.randrange(1_000, max(2_000, balance * 5 // 4))


def _booking(number: str, account: str, day: str, minor: int, balance: int) -> list[str]:
    operation, purpose = ("CASH_CREDIT", "") if minor > 0 else ("TRANSFER_OUT", "HOUSEHOLD")
    indicator = "CRDT" if minor > 0 else "DBIT"
    amounts = [amount_of(abs(minor), "CZK"), amount_of(balance, "CZK")]
    return [number, account, day, indicator, operation, *amounts, purpose, "AB", "41403269", "sample"]


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *lines])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
