"""`belfry capacity`: the plan of a load as a table, its cost, and the limits on the way to 10 and 100 times it."""

from rich.console import Console
from rich.table import Table

from gateway.capacity import PRICES_AT, Load, PerCore, limits, monthly_usd, plan, usd_per_million_events

GROWTH = (1, 10, 100)


def print_capacity(console: Console, load: Load, per_core: PerCore) -> None:
    """Print the plan, its cost and its limits."""
    items = plan(load, per_core)
    table = Table(
        title=f"{load.events_per_hour / 1e6:,.1f} M events an hour, {load.phones:,.0f} phones, "
        f"{load.queries_per_s:,.0f} queries/s at a peak of {load.peak_factor:g} times the mean",
        title_justify="left",
    )
    for heading in ("part", "amount", "because"):
        table.add_column(heading)
    table.add_column("$ a month", justify="right")
    for item in items:
        table.add_row(item.name, item.amount, item.reason, f"{item.usd:,.0f}")
    table.add_section()
    table.add_row("all", "", "", f"{monthly_usd(items):,.0f}")
    console.print(table)
    console.print(
        f"${usd_per_million_events(load, items):.3f} for a million events, everything included that is listed; "
        f"list prices of us-east-1, {PRICES_AT}."
    )
    _print_growth(console, load, per_core)


def _print_growth(console: Console, load: Load, per_core: PerCore) -> None:
    table = Table(title="Growth", title_justify="left")
    table.add_column("load", justify="right")
    table.add_column("$ a month", justify="right")
    table.add_column("largest part")
    table.add_column("limits it meets (part of the default quota)")
    for factor in GROWTH:
        grown = load.times(factor)
        items = plan(grown, per_core)
        largest = max(items, key=lambda item: item.usd)
        met = [one for one in limits(grown, per_core) if one.share >= 0.5]
        lines = [f"{one.name}: {one.share:.0%}{'; ' + one.remedy if one.share > 1 else ''}" for one in met]
        share = largest.usd / monthly_usd(items)
        table.add_row(
            f"{factor}x", f"{monthly_usd(items):,.0f}", f"{largest.name}: {share:.0%}", "\n".join(lines) or "none"
        )
    console.print(table)
