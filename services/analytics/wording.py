"""How alerts speak to customers: short, amounts with thousands separated, never an account number. Pure."""

from contracts.money import amount_of
from contracts.vocabulary import SpendingCategory


def money_text(minor: int, currency: str) -> str:
    """Write minor units as `1,234.50 EUR`."""
    whole, point, decimals = amount_of(minor, currency).partition(".")
    return f"{int(whole):,}{point}{decimals} {currency}" if whole != "-0" else f"-0{point}{decimals} {currency}"


def with_party(preposition: str, party: str) -> str:
    """Write ` at Name`, or nothing where nobody is known."""
    return f" {preposition} {party}" if party else ""


def with_account(display_name: str) -> str:
    """Write ` (Everyday)`, or nothing for an account without a name."""
    return f" ({display_name})" if display_name else ""


def category_text(category: SpendingCategory) -> str:
    """Write a category as a word in a sentence."""
    return category.value.lower()


def hours_text(hours: int) -> str:
    """Write a window's length in days where it is whole days, else in hours."""
    if hours % 24 == 0:
        days = hours // 24
        return "1 day" if days == 1 else f"{days} days"
    return "1 hour" if hours == 1 else f"{hours} hours"
