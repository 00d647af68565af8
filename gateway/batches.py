"""Several operations in one HTTP request, where the setting `batch_max` allows it: a JSON array, answered by an array.

Each is limited, charged and recorded like one sent alone, and fails alone. Queries run at once; where one is a mutation
all run in order. A subscription cannot be one of several, and `@defer` and `@stream` are answered at once.
"""

import asyncio
from typing import Any

from contracts.failures import Failure
from gateway.answers import RawHeaders
from gateway.callers import Caller
from gateway.documents import is_mutation
from gateway.errors import render_failure
from gateway.execution import Engine, Payload, Refused, Selected
from gateway.operations import BadRequest, read_operation
from gateway.telemetry import count_refusal


class Batches:
    """Answers batches of at most `most` operations; of 1: none."""

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._most = most

    def demand_allowed(self, values: list[Any]) -> None:
        """Refuse a batch where none are taken, an empty one, and one over the bound.

        Raises:
            BadRequest: it is.
        """
        if self._most == 1:
            raise BadRequest("A request is one operation; batches are not taken.")
        if not 0 < len(values) <= self._most:
            raise BadRequest(f"A batch holds 1 to {self._most} operations.")

    async def answer(self, values: list[Any], caller: Caller) -> tuple[list[Payload], RawHeaders]:
        """Return the answer of each, in their order, and how the customer's rate stands after the last one's charge."""
        selected = [await self._select(value, caller) for value in values]
        if any(isinstance(one, Selected) and is_mutation(one.node) for one in selected):
            answers = [await self._execute(one, caller) for one in selected]
        else:
            answers = list(await asyncio.gather(*(self._execute(one, caller) for one in selected)))
        charged = [one.charge.standing for one in selected if isinstance(one, Selected)]
        return answers, charged[-1].headers() if charged else []

    async def _select(self, value: Any, caller: Caller) -> Selected | Payload:
        try:
            selected = await self._engine.select(read_operation(value), caller)
            if selected.is_subscription:
                raise BadRequest("A subscription cannot be part of a batch.")
            return selected
        except Refused as refused:
            return refused.payload
        except Failure as failure:
            return _failed(failure)

    async def _execute(self, one: Selected | Payload, caller: Caller) -> Payload:
        if not isinstance(one, Selected):
            return one
        try:
            return await self._engine.execute(one, caller)
        except Refused as refused:
            return refused.payload
        except Failure as failure:
            return _failed(failure)


def _failed(failure: Failure) -> Payload:
    count_refusal(failure)
    return {"errors": [render_failure(failure)]}
