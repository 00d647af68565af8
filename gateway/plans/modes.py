"""How operations are executed, as the setting says: the executor class to build the schema with."""

from enum import StrEnum

import structlog
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from gateway.plans.runtime_types import ViewTypes
from gateway.plans.shadow import shadow_executor
from gateway.telemetry import DIFFERENCES

_log = structlog.get_logger(__name__)


class ExecutionMode(StrEnum):
    """The values of `BELFRY_EXECUTION`."""

    COMPILED = "compiled"
    STOCK = "stock"
    SHADOW = "shadow"


def execution_class(mode: ExecutionMode) -> type[StrawberryGraphQLCoreExecutionContext] | None:
    """Return the executor class of a mode, with a cache of plans of its own; None: Strawberry's."""
    if mode is ExecutionMode.STOCK:
        return None
    plans = PlanCache(ViewTypes())
    return compiled_executor(plans) if mode is ExecutionMode.COMPILED else shadow_executor(plans, _report)


def _report(difference: str) -> None:
    """Count and log a difference; it names fields of the answer, never values."""
    DIFFERENCES.inc()
    _log.warning("execution_differs", difference=difference)
