"""Custom scalars. All are strings that pass through as they came; what clients send is read strictly."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
Decimal = NewType("Decimal", str)
CurrencyCode = NewType("CurrencyCode", str)
CountryCode = NewType("CountryCode", str)
FeedCursor = NewType("FeedCursor", str)

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,8})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def passed(value: str) -> str:
    """Return it unchanged: how every scalar here is answered."""
    return value


def _reader(pattern: re.Pattern[str], what: str, check: Callable[[str], object] = passed) -> Callable[[Any], str]:
    """Return a parser that takes strings of the pattern and nothing else: no numbers, no near misses."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise GraphQLError(f"Expected {what}.")
        try:
            check(value)
        except ValueError:
            raise GraphQLError(f"Expected {what}.") from None
        return value

    return read


def _scalar(name: str, description: str, parse: Callable[[Any], str], url: str | None = None) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, serialize=passed, parse_value=parse, specified_by_url=url
    )


SCALARS: dict[object, ScalarDefinition] = {
    Date: _scalar(
        "Date",
        "A calendar date, ISO 8601: `2026-11-24`.",
        _reader(_DATE, "a date such as 2026-11-24", date.fromisoformat),
    ),
    DateTime: _scalar(
        "DateTime",
        "A point in time, RFC 3339 with its offset: `2026-11-24T09:30:00Z`.",
        _reader(_DATE_TIME, "a time such as 2026-11-24T09:30:00Z", datetime.fromisoformat),
        "https://www.rfc-editor.org/rfc/rfc3339",
    ),
    Decimal: _scalar(
        "Decimal",
        'An exact decimal number as a string: `"12.30"`. Never a float, in either direction.',
        _reader(_DECIMAL, 'a decimal string such as "12.30"'),
    ),
    CurrencyCode: _scalar(
        "CurrencyCode", "A currency, ISO 4217 alpha-3: `EUR`.", _reader(_CURRENCY, "a currency code such as EUR")
    ),
    CountryCode: _scalar(
        "CountryCode", "A country, ISO 3166-1 alpha-2: `DE`.", _reader(_COUNTRY, "a country code such as DE")
    ),
    FeedCursor: _scalar(
        "FeedCursor",
        "A position in the customer's alert log: opaque, signed, of no use to another customer, valid on every device.",
        _reader(_CURSOR, "a feed cursor"),
    ),
}
