"""Names of types that refer to each other across modules, resolved when the schema is built: no imports in a circle.

To a type checker they are `Any`: a view is never a value.
"""

from typing import TYPE_CHECKING, Annotated, Any, ForwardRef

import strawberry

if TYPE_CHECKING:
    AccountRef = Any
    AlertRef = Any
    AlertRuleRef = Any
    CardRef = Any
    TransactionRef = Any
else:
    AccountRef = Annotated[ForwardRef("Account"), strawberry.lazy("schema.accounts")]
    AlertRef = Annotated[ForwardRef("Alert"), strawberry.lazy("schema.alerts")]
    AlertRuleRef = Annotated[ForwardRef("AlertRule"), strawberry.lazy("schema.rules")]
    CardRef = Annotated[ForwardRef("Card"), strawberry.lazy("schema.cards")]
    TransactionRef = Annotated[ForwardRef("Transaction"), strawberry.lazy("schema.transactions")]
