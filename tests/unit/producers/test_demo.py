"""The demo bank: believable, accepted whole by the event service, the same whenever it is told again."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from contracts.events import CardAuthorised, CloudEvent, HoldingChanged, PaymentBooked, data_of
from contracts.failures import Conflict
from contracts.ingest import Verdict
from contracts.money import minor_of
from contracts.settings import Settings
from contracts.vocabulary import AccountKind
from producers.demo_customers import FIRST_CUSTOMER_ID, iban_of
from producers.demo_history import HISTORY_DAYS, HOUSEHOLD_BALANCE, history_lines
from producers.demo_instruments import INSTRUMENTS, isin_of
from producers.demo_people import HOUSEHOLDS, PEOPLE
from producers.demo_seeding import seed
from producers.event_client import EventClient
from producers.simulator import FIRST_STORY_S, PAUSE_S, moments
from producers.simulator_stories import STORIES
from services.events.app import create_app
from tests.cases import each

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


@asynccontextmanager
async def _event_client(folder: Path) -> AsyncIterator[EventClient]:
    """Run a real event service whose clock stands at `NOW`, and a client of it."""
    app = create_app(Settings(data_dir=folder), clock=lambda: NOW)
    async with (
        app.lifespan(),
        EventClient("http://events", transport=httpx.ASGITransport(app=cast("Any", app))) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The whole history as it is sent."""
    return history_lines(NOW, 1)


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[CloudEvent]:
    """The whole history as it is read."""
    return [msgspec.json.decode(line, type=CloudEvent) for line in lines]


def _balances(events: list[CloudEvent]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the last and the lowest balance of each account, pending payments included."""
    last: dict[str, int] = defaultdict(int)
    lowest: dict[str, int] = {}
    for data in map(data_of, events):
        if isinstance(data, PaymentBooked | CardAuthorised):
            sign = 1 if data.credit_debit_indicator == "CRDT" else -1
            last[data.account_id] += sign * minor_of(data.amount.amount, data.amount.currency)
            lowest[data.account_id] = min(lowest.get(data.account_id, 0), last[data.account_id])
    return last, lowest


def test_a_history_told_again_is_the_same(lines: list[bytes]) -> None:
    """Seed and moment decide every byte."""
    assert history_lines(NOW, 1) == lines


def test_a_history_has_about_a_year_of_events(events: list[CloudEvent]) -> None:
    """Thousands of them, in order of time, none in the future, each id once."""
    times = [event.time for event in events]
    assert 12_000 < len(events) < 16_000
    assert times == sorted(times)
    assert datetime.fromisoformat(times[0]) == (NOW - timedelta(days=HISTORY_DAYS + 1)).replace(microsecond=0)
    assert datetime.fromisoformat(times[-1]) < NOW
    assert len({event.id for event in events}) == len(events)


def test_only_credit_cards_are_ever_below_zero(events: list[CloudEvent]) -> None:
    """A demo customer is no bad debtor: an alert of a low balance is the simulator's doing."""
    _, lowest = _balances(events)
    assert {account for account, balance in lowest.items() if balance < 0} == {
        person.account_id(AccountKind.CARD) for person in PEOPLE if person.has_credit_card
    }


def test_the_first_household_ends_where_the_simulator_begins(events: list[CloudEvent]) -> None:
    """Its story takes the account below zero from exactly there."""
    last, _ = _balances(events)
    assert last[HOUSEHOLDS[0].account_id] == HOUSEHOLD_BALANCE


def test_purchases_of_the_last_days_are_pending(events: list[CloudEvent]) -> None:
    """Authorised and not booked; nothing older is."""
    pending = [event for event in events if event.type == "belfry.card.authorised.v1"]
    assert pending
    assert all(datetime.fromisoformat(event.time) > NOW - timedelta(days=2) for event in pending)


async def test_a_history_is_accepted_only_once(tmp_path: Path, lines: list[bytes]) -> None:
    """Seeding twice changes nothing: the second time every event is a duplicate."""
    shown: list[int] = []
    async with _event_client(tmp_path) as client:
        first = await seed(client, lines[:1500], lambda _, done: shown.append(done))
        assert await seed(client, lines[:1500], lambda _, done: shown.append(done)) == first == 1500
    assert shown == [1000, 1500] * 2


async def test_a_folder_of_another_demo_is_told(tmp_path: Path, lines: list[bytes]) -> None:
    """Other events under the same ids are a conflict that names one."""
    async with _event_client(tmp_path) as client:
        await seed(client, lines[:200], lambda *_: None)
        with pytest.raises(Conflict, match="was not taken"):
            await seed(client, history_lines(NOW - timedelta(days=1), 1)[:200], lambda *_: None)


@each("person", PEOPLE)
def test_everyone_has_two_to_five_accounts(person: Any) -> None:
    """Shared ones included."""
    shared = sum(person.slug in (household.owner, household.joint) for household in HOUSEHOLDS)
    assert 2 <= len(person.kinds) + shared <= 5


def test_the_first_customer_has_every_kind_of_account() -> None:
    """Whoever looks at the demo sees all there is; the id is part of the documentation."""
    assert (PEOPLE[0].customer_id, PEOPLE[0].kinds) == (FIRST_CUSTOMER_ID, list(AccountKind))
    assert FIRST_CUSTOMER_ID == "cust-anna-keller"


def test_isins_have_their_check_digit() -> None:
    """Two published ones, and all of ours are twelve characters."""
    assert isin_of("US", "037833100") == "US0378331005"
    assert isin_of("DE", "000716460") == "DE0007164600"
    assert {len(instrument.isin) for instrument in INSTRUMENTS} == {12}


@each("country", sorted({person.country for person in PEOPLE}))
def test_ibans_have_valid_check_digits(country: str) -> None:
    """ISO 13616: moved to the end and read as a number, the remainder by 97 is 1."""
    iban = iban_of(country, 4711)
    assert int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def test_holdings_are_of_known_instruments(events: list[CloudEvent]) -> None:
    """Each has a price in the history."""
    held = {data.isin for data in map(data_of, events) if isinstance(data, HoldingChanged)}
    assert held <= {instrument.isin for instrument in INSTRUMENTS}


def test_live_events_follow_from_seed_and_clock() -> None:
    """The same moments, byte for byte."""
    assert list(islice(moments(1, lambda: NOW), 50)) == list(islice(moments(1, lambda: NOW), 50))


def test_a_story_comes_within_five_seconds_and_all_within_minutes() -> None:
    """Who watches the demo sees an alert at once, and every kind in time."""
    elapsed, told = 0.0, list[tuple[float, str]]()
    for moment in islice(moments(1, lambda: NOW), 400):
        elapsed += moment.pause_s
        if moment.story:
            told.append((elapsed, moment.story))
    assert told[0][0] < FIRST_STORY_S + PAUSE_S[1] < 5
    assert all(15 < after - before < 35 for (before, _), (after, _) in pairwise(told))
    assert len({story.split(":")[0] for _, story in told}) == len(STORIES)


def test_ordinary_life_uses_no_card_fast() -> None:
    """Within any ten minutes at most four times: the bank-wide velocity rule is the stories' to break."""
    elapsed, used = 0.0, defaultdict[str, list[float]](list)
    for moment in islice(moments(1, lambda: NOW), 4000):
        elapsed += moment.pause_s
        for line in [] if moment.story else moment.lines:
            data = data_of(msgspec.json.decode(line, type=CloudEvent))
            if isinstance(data, CardAuthorised) and data.card_id:
                used[data.card_id].append(elapsed)
    assert len(used) == sum(1 + person.has_credit_card for person in PEOPLE)
    assert max(sum(at <= other < at + 600 for other in times) for times in used.values() for at in times) <= 4


async def test_live_events_are_accepted(tmp_path: Path, lines: list[bytes]) -> None:
    """Every story and every ordinary moment passes the event service's checks."""
    live = [line for moment in islice(moments(1, lambda: NOW), 300) for line in moment.lines]
    async with _event_client(tmp_path) as client:
        await seed(client, lines[:200], lambda *_: None)
        answer = await client.post(live)
    assert {verdict.verdict for verdict in answer.verdicts} == {Verdict.ACCEPTED}


def test_the_low_balance_story_ends_where_it_began() -> None:
    """The bank's balances it tells go below zero and back, so that it can be told for ever."""
    lines = [line for moment in islice(moments(1, lambda: NOW), 400) for line in moment.lines]
    told = [data_of(msgspec.json.decode(line, type=CloudEvent)) for line in lines]
    balances = [data.balance_after.amount for data in told if isinstance(data, PaymentBooked) and data.balance_after]
    assert balances
    assert set(balances[::2]) == {"-12.40"}
    assert set(balances[1::2]) == {"340.00"}
