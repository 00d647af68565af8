"""What every page of a list says about itself."""

from contracts.alerts import AlertPage
from contracts.transactions import TransactionPage

Page = TransactionPage | AlertPage


def page_info(root: Page) -> Page:
    """Return the page itself: its PageInfo is another view on it."""
    return root


def has_previous_page(root: Page) -> bool:  # noqa: ARG001 (it is the same for every page)
    """Return false: Relay allows it where only `first` and `after` are offered."""
    return False


def start_cursor(root: Page) -> str | None:
    """Return the first edge's cursor; None on an empty page."""
    return root.edges[0].cursor if root.edges else None


def end_cursor(root: Page) -> str | None:
    """Return the last edge's cursor; None on an empty page."""
    return root.edges[-1].cursor if root.edges else None
