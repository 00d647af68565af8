"""Imports run one way: gateway → schema → resolvers → clients → contracts; services and producers → contracts.

Where one of them calls AWS it does so through `aws`, which knows `contracts` alone.
"""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.layers.sources import Source

ALLOWED = {
    "gateway": {"schema", "resolvers", "clients", "contracts", "producers", "aws"},
    "schema": {"resolvers", "clients", "contracts"},
    "resolvers": {"clients", "contracts"},
    "clients": {"contracts", "aws"},
    "contracts": set[str](),
    "aws": {"contracts"},
    "services": {"contracts", "aws"},
    "producers": {"contracts", "aws"},
}
SERVICES = ("accounts", "events", "analytics")
# Writes every service's interface down: it must see all of them, and no service sees it.
WRITES_INTERFACES = "services.interfaces"


def _service(module: str) -> str:
    """Return the service a module belongs to, or nothing for what services share."""
    part = module.split(".")[1] if module.startswith("services.") else ""
    return part if part in SERVICES else ""


def test_each_package_imports_only_the_layers_below_it(sources: list[Source]) -> None:
    """No module imports a package of ours that its layer may not know."""
    wrong = [
        f"{source.path}: {name}"
        for source in sources
        for name in source.imports
        if name.partition(".")[0] not in ALLOWED[source.package] | {source.package}
    ]
    assert wrong == []


def test_no_service_imports_another_service(sources: list[Source]) -> None:
    """A service imports itself and what all services share, and the shared modules import no service."""
    wrong = [
        f"{source.path}: {name}"
        for source in sources
        for name in source.imports
        if source.module != WRITES_INTERFACES and _service(name) not in {"", _service(source.module)}
    ]
    assert wrong == []


def test_nothing_imports_the_writer_of_interfaces(sources: list[Source]) -> None:
    """The one module that sees all services is used by none of them."""
    assert [source.path for source in sources if WRITES_INTERFACES in source.imports] == []


def test_modules_import_each_other_in_no_cycle(sources: list[Source]) -> None:
    """The import graph has an order, imports inside functions included."""
    graph = {source.module: source.imports - {source.module} for source in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" → ".join(cycle.args[1]))


def test_only_clients_speak_http_beneath_the_gateway(sources: list[Source]) -> None:
    """Resolvers and schema reach a downstream through its typed client only."""
    wrong = [
        str(source.path)
        for source in sources
        if source.package in {"schema", "resolvers", "contracts"}
        and {"httpx", "aiohttp", "aiobotocore", "sqlite3"} & _roots(source.tree)
    ]
    assert wrong == []


def test_only_one_package_makes_clients_of_aws(sources: list[Source]) -> None:
    """Timeouts, retries, pools and failures of AWS are decided in one place."""
    wrong = [
        str(source.path)
        for source in sources
        if source.package != "aws" and {"aiobotocore", "botocore"} & _roots(source.tree)
    ]
    assert wrong == []


def _roots(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}
