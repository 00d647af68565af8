"""The event service: takes banking events in, keeps the append-only log and the transaction history made from it."""
