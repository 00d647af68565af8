"""Objects of a list that are executed as rows, many at once: by what is selected from them.

A list all of whose objects are rows is made by tables, others object by object.
"""

from typing import Any, NamedTuple

from graphql import GraphQLOutputType
from graphql.execution.collect_fields import FieldDetailsList

from gateway.plans.plan import Plan, Selected


class Table(NamedTuple):
    """Objects of one list of which the same is selected, and where they stand in it: a range, or a list that grows."""

    indices: Any
    sources: list[Any]


def made_at_once(
    plan: Plan, known: dict[type, Selected | None], kind: GraphQLOutputType, items: list[Any], details: FieldDetailsList
) -> tuple[list[Any], dict[Selected, Table]]:
    """Return a list's rows and their tables, where all items are rows and as expected; otherwise nothing yet."""
    try:
        tables = _tables(plan, known, kind, items, details)
        if len(tables) == 1:
            [(selected, table)] = tables.items()
            return selected.row.make(table.sources), tables  # type: ignore[union-attr]
        rows: list[Any] = [None] * len(items)
        for selected, (indices, sources) in tables.items():
            for index, row in zip(indices, selected.row.make(sources), strict=True):  # type: ignore[union-attr]
                rows[index] = row
    except Exception:  # noqa: BLE001 (one of them is odd)
        return [], {}
    return (rows, tables) if tables else ([], {})


def _tables(
    plan: Plan, known: dict[type, Selected | None], kind: GraphQLOutputType, items: list[Any], details: FieldDetailsList
) -> dict[Selected, Table]:
    """Return items by what is selected from them; none where some of them are no rows."""
    classes = set(map(type, items))
    selected = known.get(classes.pop()) if len(classes) == 1 else None
    if selected is not None:
        return {selected: Table(range(len(items)), items)} if selected.row is not None else {}
    tables: dict[Selected, Table] = {}
    for index, item in enumerate(items):
        selected = known.get(type(item)) or plan.selected(known, kind, item, details)
        if selected is None or selected.row is None:
            return {}
        _note(tables, selected, index, item)
    return tables


def in_table(selected: Selected, index: int, item: Any, results: list[Any], tables: dict[Selected, Table]) -> bool:
    """Append a row to the results, and note it, where the item is one."""
    row = selected.row
    if row is None:
        return False
    try:
        results += row.make([item])
    except Exception:  # noqa: BLE001 (whatever is odd about the item, graphql-core will say)
        return False
    _note(tables, selected, index, item)
    return True


def _note(tables: dict[Selected, Table], selected: Selected, index: int, item: Any) -> None:
    table = tables.get(selected)
    if table is None:
        table = tables[selected] = Table([], [])
    table.indices.append(index)
    table.sources.append(item)
