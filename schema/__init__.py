"""The GraphQL schema: views on contracts structs, described for the app's developers."""
