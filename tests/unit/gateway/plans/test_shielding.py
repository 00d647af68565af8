"""One failing field must not take away what others load: the defect of the stock executor with shared futures."""

import asyncio
from typing import Any

import pytest
import strawberry
from strawberry.dataloader import DataLoader

from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from resolvers.loaders import Loader
from tests.unit.gateway.plans.odd_schema import OddTypes

QUERY = "{ x { slow bad } other }"


async def _load(keys: list[int]) -> list[str]:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return ["v" for _ in keys]


async def _bad() -> str:
    await asyncio.sleep(0)
    raise ValueError("bad")


async def _slow(info: strawberry.Info[Any, None]) -> str:
    loaded: str = await info.context.load(1)
    return loaded


def _empty() -> Any:
    return object()


@strawberry.type
class Both:
    slow: str = strawberry.field(resolver=_slow)
    bad: str = strawberry.field(resolver=_bad)


@strawberry.type
class Query:
    x: Both | None = strawberry.field(resolver=_empty)
    other: str = strawberry.field(resolver=_slow)


async def test_stock_execution_over_a_bare_dataloader_fails_whole() -> None:
    """What this project must not do: a failed non-null field cancels a shared load, and there is no answer at all."""
    with pytest.raises(asyncio.CancelledError):
        await strawberry.Schema(Query).execute(QUERY, context_value=DataLoader(_load))


@pytest.mark.parametrize("compile_after", [0, 1])
async def test_our_loaders_outlive_a_failing_field(compile_after: int) -> None:
    """Everyone waits on a future of their own: only the failed part is null."""
    plans = PlanCache(OddTypes(), compile_after=compile_after)
    schema = strawberry.Schema(Query, execution_context_class=compiled_executor(plans))
    result = await schema.execute(QUERY, context_value=Loader(_load))
    assert result.data == {"x": None, "other": "v"}
    assert [error.path for error in result.errors or ()] == [["x", "bad"]]
    assert plans.compiled == 1 - compile_after
