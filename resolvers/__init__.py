"""What GraphQL fields do: they read plain contracts structs through loaders; ownership is decided in `access` alone."""
