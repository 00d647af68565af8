"""A pytest plugin for graphql-core's own tests: puts the executor that runs plans in place of both of its executors.

Fails the session when not one execution ran a plan: a suite that passes without its subject says nothing.
"""

import sys

import pytest
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.execution.incremental import IncrementalExecutor

from gateway.plans.cache import PlanCache
from gateway.plans.executor import PlanExecution


class NoTypes:
    """Knows no struct: abstract types are told by graphql-core alone."""

    def by_class(self, value: object) -> str | None:
        """Return nothing."""

    def by_value(self, value: object) -> str | None:
        """Return nothing."""


PLANS = PlanCache(NoTypes(), compile_after=0)


class Compiled(PlanExecution, IncrementalExecutor):
    """What `execute` uses."""

    plans = PLANS


class CompiledThrowing(PlanExecution, ExecutorThrowingOnIncremental):
    """What `subscribe` uses."""

    plans = PLANS


# By its name in sys.modules: `graphql.execution.execute` is the function.
_module = sys.modules["graphql.execution.execute"]
_module.IncrementalExecutor = Compiled  # type: ignore[attr-defined]
_module.ExecutorThrowingOnIncremental = CompiledThrowing  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many executions were of which kind."""
    terminalreporter.write_line(f"executions: {PLANS.compiled} compiled, {PLANS.interpreted} interpreted")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session that tested nothing of ours."""
    if PLANS.compiled == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
