"""What the live simulator does all the time: prices move, people sign in, pay small bills and buy small things."""

from collections import deque

from contracts.events import CardAuthorised, LoginSucceeded, PriceQuoted
from contracts.money import money_of
from contracts.vocabulary import AccountKind, DevicePlatform, SpendingCategory
from producers.demo_history import HISTORY_DAYS
from producers.demo_instruments import INSTRUMENTS, PRICE_CURRENCY, PRICE_EVERY_DAYS, price_paths
from producers.demo_ledger import merchant_of
from producers.demo_merchants import draw_shop
from producers.demo_people import PEOPLE, Person
from producers.simulator_desk import Desk

BOOKED_AFTER = 5
"""Purchases until an authorised one is booked."""
SMALL = (150, 950)
"""Minor units of a purchase or a bill."""
SHARES = {"price": 50, "login": 25, "bill": 15, "purchase": 10}
"""How often each happens; a purchase every ten seconds or so means each card every three or four minutes."""


class OrdinaryLife:
    """Draws what happens next. Cards take turns, so that none is used many times in a row."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._prices = {
            isin: path[-1] for isin, path in price_paths(seed, HISTORY_DAYS // PRICE_EVERY_DAYS + 1).items()
        }
        self._cards = [(person, kind) for person in PEOPLE for kind in person.kinds if kind in _WITH_CARD]
        desk.chance.shuffle(self._cards)
        self._turn = 0
        self._authorised: deque[CardAuthorised] = deque()
        self._acts = {"price": self._price, "login": self._login, "bill": self._bill, "purchase": self._purchase}

    def lines(self) -> list[bytes]:
        """Return the events of one moment."""
        (act,) = self._desk.chance.choices(list(SHARES), list(SHARES.values()))
        return self._acts[act]()

    def _price(self) -> list[bytes]:
        desk, instrument = self._desk, self._desk.chance.choice(INSTRUMENTS)
        price = round(self._prices[instrument.isin] * (1 + desk.chance.gauss(0, instrument.swing / 20)))
        self._prices[instrument.isin] = max(100, price)
        quoted = PriceQuoted(isin=instrument.isin, price=money_of(self._prices[instrument.isin], PRICE_CURRENCY))
        return [desk.line(quoted)]

    def _login(self) -> list[bytes]:
        person: Person = self._desk.chance.choice(PEOPLE)
        platform = self._desk.chance.choice((person.phone, DevicePlatform.WEB))
        login = LoginSucceeded(
            customer_id=person.customer_id,
            device_id=person.device_id(platform),
            platform=platform,
            country=person.country,
        )
        return [self._desk.line(login)]

    def _bill(self) -> list[bytes]:
        person: Person = self._desk.chance.choice(PEOPLE)
        minor = self._desk.chance.randrange(*SMALL)
        bill = self._desk.bill(person, minor, "Fonia Mobile", "Prepaid top-up", SpendingCategory.UTILITIES)
        return [self._desk.line(bill), *self._top_up(person, AccountKind.CURRENT)]

    def _purchase(self) -> list[bytes]:
        desk, (person, kind) = self._desk, self._cards[self._turn % len(self._cards)]
        self._turn += 1
        merchant = merchant_of(draw_shop(desk.chance), person.country, person.city)
        bought = desk.purchase(person, kind, desk.chance.randrange(*SMALL), merchant)
        self._authorised.append(bought)
        lines = [desk.line(bought)]
        if len(self._authorised) > BOOKED_AFTER:
            lines.append(desk.line(desk.booked(self._authorised.popleft())))
        return lines + self._top_up(person, kind)

    def _top_up(self, person: Person, kind: AccountKind) -> list[bytes]:
        top_up = self._desk.top_up(person, kind)
        return [] if top_up is None else [self._desk.line(top_up)]


_WITH_CARD = frozenset({AccountKind.CURRENT, AccountKind.CARD})
