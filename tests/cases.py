"""A table of cases as one test: a test of its own for each costs 3 ms before it does anything."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

Test = Callable[..., Any]


def each(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Run a test for each case, as `pytest.mark.parametrize` would, with the same fixtures for all of them.

    For tests that leave those as they were. The first case that fails ends the test and is named in a note.
    """
    rows = [{names: case} if isinstance(names, str) else dict(zip(names, case, strict=True)) for case in cases]
    assert rows, "a table without a case shows nothing"

    def decorate(test: Test) -> Test:
        @wraps(test)
        def run(**fixtures: Any) -> None:
            for row in rows:
                with _Named(row):
                    test(**fixtures, **row)

        @wraps(test)
        async def run_async(**fixtures: Any) -> None:
            for row in rows:
                with _Named(row):
                    await test(**fixtures, **row)

        made: Any = run_async if inspect.iscoroutinefunction(test) else run
        signature = inspect.signature(test)
        kept = [parameter for name, parameter in signature.parameters.items() if name not in rows[0]]
        made.__signature__ = signature.replace(parameters=kept)
        wrapped: Test = made
        return wrapped

    return decorate


class _Named:
    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            error.add_note(f"the case: {self._row!r:.1000}")
