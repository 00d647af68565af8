"""The GraphQL schema: views on contracts structs, described in full; `build.build_schema` makes it."""
