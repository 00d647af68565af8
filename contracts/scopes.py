"""What an access token may be used for: the OAuth scopes Belfry knows, granted by the issuer; and whose it may be."""

import re
from enum import StrEnum

CUSTOMER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""A customer or a device, as tokens name them."""


class TokenScope(StrEnum):
    """A scope; `schema.graphql` says with `@requiresScopes` what each root field demands."""

    ACCOUNTS = "accounts"
    """Read the customer's accounts, cards, insights and alerts, and follow them live."""
    ALERTS = "alerts"
    """Answer alerts; set rules and notification preferences."""
    CARDS = "cards"
    """Freeze cards and lift the freeze."""
    DEVICES = "devices"
    """Register and remove devices and their push tokens."""
    DEVELOPER = "developer"
    """Introspect, and run documents of one's own where only trusted ones run. Never granted to the app."""
