"""The object types of Belfry's structs, for plans: what the schema's views say."""

from schema.nodes import Node
from schema.views import type_name_of


class ViewTypes:
    """Tells types as `is_type_of` and `resolve_type` of the views do; a test holds them together."""

    def by_class(self, value: object) -> str | None:
        """Return the type of every instance of the value's class; None for accounts, whose kind decides."""
        return type_name_of(value)

    def by_value(self, value: object) -> str | None:
        """Return the type of this value."""
        return Node.resolve_type(value)
