"""What an access token may be used for: the OAuth scopes Belfry knows, granted by the issuer."""

from enum import StrEnum


class TokenScope(StrEnum):
    """A scope; `schema.graphql` says with `@requiresScopes` what each root field demands."""

    ACCOUNTS = "accounts"
    """Read the customer's accounts, cards, insights and alerts, and follow them live."""
    ALERTS = "alerts"
    """Answer alerts; set rules and notification preferences."""
    CARDS = "cards"
    """Freeze cards and lift the freeze."""
    DEVICES = "devices"
    """Register and remove devices."""
    DEVELOPER = "developer"
    """Introspect, and run documents of one's own where only trusted ones run. Never granted to the app."""
