"""What GraphQL fields do, the loaders they batch through, and the one place where ownership is decided."""
