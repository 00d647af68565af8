"""Money on the wire (decimal string and ISO 4217 code) and inside (integer minor units); never a float.

Exponents are the "minor unit" column of ISO 4217 list one; metals and units without one are not accepted.
"""

import re

import msgspec

from contracts.failures import Rejected

AMOUNT_DIGITS_MAX = 15
"""Digits of an amount in minor units; 15 keep every sum of a bounded history inside SQLite's 64-bit integers."""

_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
    "YER ZAR ZMW ZWG "
)

CURRENCY_EXPONENTS: dict[str, int] = dict.fromkeys(_TWO_DECIMALS.split(), 2) | {
    "BHD": 3,
    "BIF": 0,
    "CLF": 4,
    "CLP": 0,
    "DJF": 0,
    "GNF": 0,
    "IQD": 3,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KMF": 0,
    "KRW": 0,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "PYG": 0,
    "RWF": 0,
    "TND": 3,
    "UGX": 0,
    "UYI": 0,
    "UYW": 4,
    "VND": 0,
    "VUV": 0,
    "XAF": 0,
    "XOF": 0,
    "XPF": 0,
}

_WITHDRAWN = "ANG BGN CUC EEK HRK LTL LVL MRO SKK SLL STD VEF ZWL"
"""Withdrawn since 2009, all with two decimals: history that is imported still names them."""
CURRENCY_EXPONENTS |= dict.fromkeys(_WITHDRAWN.split(), 2)

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?", re.ASCII)


class Money(msgspec.Struct, frozen=True, gc=False):
    """A non-negative or signed decimal string with its currency, e.g. `{"amount": "12.30", "currency": "EUR"}`."""

    amount: str
    currency: str


def exponent_of(currency: str) -> int:
    """Return the number of decimals of an ISO 4217 code.

    Raises:
        Rejected: `UNKNOWN_CURRENCY` for a code not in ISO 4217 list one; do not retry.
    """
    try:
        return CURRENCY_EXPONENTS[currency]
    except KeyError:
        raise Rejected("The currency is not an ISO 4217 code with a minor unit.", code="UNKNOWN_CURRENCY") from None


def minor_of(amount: str, currency: str, *, signed: bool = False) -> int:
    """Convert a decimal string into integer minor units of its currency.

    At most as many decimals as the currency has, at most 15 digits in all, no sign unless `signed`.

    Raises:
        Rejected: `BAD_AMOUNT` or `UNKNOWN_CURRENCY`; do not retry.
    """
    exponent = CURRENCY_EXPONENTS.get(currency)
    if exponent is None:
        exponent = exponent_of(currency)  # which says what is wrong
    point = len(amount) - exponent - 1
    if point > 0 and exponent and amount[point] == "." and amount.isascii():  # as nearly all are; the rest takes 3x
        digits = amount[:point] + amount[point + 1 :]
        if digits.isdigit() and (point == 1 or digits[0] != "0") and len(digits) <= AMOUNT_DIGITS_MAX:
            return int(digits)
    negative = signed and amount.startswith("-")
    match = _AMOUNT.fullmatch(amount, 1 if negative else 0)
    if match is None:
        raise Rejected("The amount is not a plain decimal string such as 12.30.", code="BAD_AMOUNT")
    whole, decimals = match.group(1), match.group(2) or ""
    if len(decimals) > exponent:
        raise Rejected(f"{currency} has {exponent} decimals; the amount has more.", code="BAD_AMOUNT")
    if len(whole) + exponent > AMOUNT_DIGITS_MAX:
        raise Rejected(f"The amount has more than {AMOUNT_DIGITS_MAX} digits.", code="BAD_AMOUNT")
    minor = int(whole + decimals.ljust(exponent, "0"))
    return -minor if negative else minor


def amount_of(minor: int, currency: str) -> str:
    """Write minor units as the decimal string of their currency, with exactly its decimals; a minus where negative."""
    exponent = exponent_of(currency)
    if exponent == 0:
        return str(minor)
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    return f"{'-' if minor < 0 else ''}{digits[:-exponent]}.{digits[-exponent:]}"


def money_of(minor: int, currency: str) -> Money:
    """Wrap minor units as `Money`."""
    return Money(amount_of(minor, currency), currency)
