"""Runs the same question on plans and on graphql-core, and says where they differ: data, order, errors, effects."""

import ast
import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import strawberry
from graphql import DocumentNode, ExecutionResult, FragmentDefinitionNode, parse, print_ast, validate
from strawberry.execution import optimized_is_awaitable

from tests.unit.gateway.plans.odd_schema import World
from tests.unit.gateway.plans.odd_worlds import Questions, Worlds

VECTORS = 4
"""Sets of variables each document is executed with, on the same plans."""
FAULTS = (0.0, 0.02, 0.05, 0.15)
IS_AWAITABLE: Any = optimized_is_awaitable


class Outcome(NamedTuple):
    """All that can be seen of an execution."""

    data: str
    errors: list[tuple[str, str]]
    effects: list[Any]

    def agrees(self, theirs: "Outcome") -> bool:
        """Say whether this is as good as what graphql-core came to.

        Exactly the same: data with its order of keys, what mutations did in which order, and errors with
        theirs, but that where something was waited for, or asked for many objects at once, they may be told in
        another order, and of those beneath one null any (each null has one): one in eighty such executions.
        Resolvers of a query may run in another order, and where an error has cancelled some, others of them;
        loaders may be asked less often, never more.
        """
        return (
            self.data == theirs.data
            and (self._told() == theirs._told() if theirs._is_loose() else self.errors == theirs.errors)
            and self._of("bump") == theirs._of("bump")
            and len(self._of("batch")) <= len(theirs._of("batch")) + 1
            and (bool(self.errors) or self._run() == theirs._run())
        )

    def _of(self, kind: str) -> list[Any]:
        return [effect for effect in self.effects if effect[0] == kind]

    def _is_loose(self) -> bool:
        return any(effect[0] in ("batch", "trick", "each") for effect in self.effects)

    def _run(self) -> Counter[str]:
        keys = [("key", key) for _, keys in self._of("batch") for key in keys]
        return Counter(repr(effect) for effect in [*self.effects, *keys] if effect[0] != "batch")

    def _told(self) -> list[Any]:
        if self.data == "refused":
            return self.errors
        data = json.loads(self.data)
        return sorted({_told_at(data, ast.literal_eval(path) or [], message) for path, message in self.errors})


def _told_at(data: Any, path: list[Any], message: str) -> tuple[str, str]:
    """Return where an error is told: at its path, or at the null it is beneath, where it stands for others."""
    for depth, key in enumerate(path):
        if data is None:
            return str(path[:depth]), "an error beneath"
        data = data[key]
    return str(path), message


class Case(NamedTuple):
    """Documents and the variables each is executed with, over worlds that are made anew for each execution."""

    documents: list[DocumentNode]
    variables: list[dict[str, Any]]
    world: Callable[[], World]


async def outcome(
    schema: strawberry.Schema,
    document: DocumentNode,
    variables: dict[str, Any],
    context: Any,
    effects: list[Any],
    *,
    writes: bool = False,
) -> Outcome:
    """Execute a document, where it is said written as text, and return what is seen of it.

    `effects` is where the context notes them.
    """
    executor: Any = schema.execution_context_class.build(
        schema._schema, document, None, context, variables, is_awaitable=IS_AWAITABLE
    )
    if isinstance(executor, list):
        return Outcome("refused", [(str(error.path), error.message) for error in executor], [])
    executor.writes = writes
    result = executor.execute_operation()
    if optimized_is_awaitable(result):
        result = await result
    await _settled()
    assert isinstance(result, ExecutionResult)
    errors = [(str(error.path), error.message) for error in result.errors or ()]
    return Outcome(json.dumps(result.data, default=_shown), errors, effects)


def _shown(value: Any) -> Any:
    """Return what stands for something that is no JSON; `Written` by name: planted bugs have their own."""
    return json.loads(value.text) if type(value).__name__ == "Written" else repr(value)


async def _settled() -> None:
    """Wait for what an execution left in the background, so that its effects are seen too."""
    while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        await asyncio.gather(*others, return_exceptions=True)


def drawn_case(seed: int, schema: strawberry.Schema) -> Case:
    """Return the case of a seed."""
    random = Random(seed)  # noqa: S311 (a seed makes it repeatable; nothing secret is drawn)
    faults = random.choice(FAULTS)
    document, questions = _valid_document(random, schema)
    world_seed = random.random()
    documents = [document, *_twins(document)]
    vectors = [questions.variables() for _ in range(VECTORS)]
    return Case(documents, vectors, lambda: Worlds(Random(world_seed), faults).world())  # noqa: S311 (the same)


def _valid_document(random: Random, schema: strawberry.Schema) -> tuple[DocumentNode, Questions]:
    while True:
        questions = Questions(random, schema._schema)
        document = parse(questions.document())
        if not validate(schema._schema, document):
            return document, questions


def _twins(document: DocumentNode) -> list[DocumentNode]:
    """Return a document with the very same operation and another fragment, as one without `@defer` can be."""
    definitions = list(document.definitions)
    for index, one in enumerate(definitions):
        if isinstance(one, FragmentDefinitionNode) and len(one.selection_set.selections) > 1:
            fewer = replace(one.selection_set, selections=one.selection_set.selections[1:])
            definitions[index] = replace(one, selection_set=fewer)
            return [DocumentNode(definitions=tuple(definitions))]
    return []


async def difference(seed: int, stock: strawberry.Schema, compiled: strawberry.Schema) -> str | None:
    """Return how the two schemas' executions of a seed's case differ first; None where they do not."""
    case = drawn_case(seed, stock)
    for document in case.documents:
        for variables in case.variables:
            world = case.world()
            theirs = await outcome(stock, document, variables, world, world.log)
            for writes in (False, True):
                world = case.world()
                mine = await outcome(compiled, document, variables, world, world.log, writes=writes)
                if not mine.agrees(theirs):
                    told = f"seed {seed}, variables {variables}, {writes=}"
                    return f"{told}:\n{print_ast(document)}\n{theirs}\n{mine}"
    return None
