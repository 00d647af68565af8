"""What `belfry demo` shows once it runs: where everything is, who to be, and a first query to paste."""

import json

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from contracts.settings import Settings, service_url
from gateway.demo_issuer import DemoIssuer
from producers.demo_customers import FIRST_CUSTOMER_ID
from producers.demo_people import PEOPLE

FIRST_QUERY = (
    "{ viewer { givenName accounts { displayName balance { amount { amount currency } } } unreadAlertCount } }"
)


def print_panel(console: Console, settings: Settings, *, started_in_s: float) -> None:
    """Print the panel, and below it what is to be pasted, each on one line of its own."""
    gateway = f"http://127.0.0.1:{settings.port}"
    token = DemoIssuer.open(settings.data_dir, audience=settings.audience).mint_token(FIRST_CUSTOMER_ID)
    table = Table.grid(padding=(0, 2))
    rows = {
        "GraphQL": f"{gateway}/graphql",
        "GraphiQL": f"{gateway}/graphiql",
        "event service": f"{service_url(settings, 'events')}/events",
        "account service": service_url(settings, "accounts"),
        "analytics service": service_url(settings, "analytics"),
        "data and logs": str(settings.data_dir),
        "customer": f"{PEOPLE[0].given_name} {PEOPLE[0].family_name}, {FIRST_CUSTOMER_ID}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    title = f"Belfry runs (ready in {started_in_s:.1f} s); Ctrl-C stops it"
    console.print(Panel(table, title=title, title_align="left", expand=False), highlight=False)
    for line in _lines_to_paste(gateway, token):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _lines_to_paste(gateway: str, token: str) -> list[str]:
    body = json.dumps({"query": FIRST_QUERY})
    json_header = "-H 'Content-Type: application/json'"
    return [
        "",
        f"TOKEN={token}",
        "",
        f"curl -s {gateway}/graphql -H \"Authorization: Bearer $TOKEN\" {json_header} -d '{body}'",
        "",
    ]
