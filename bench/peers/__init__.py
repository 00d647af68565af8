"""Belfry beside other GraphQL servers, on one core each in turn: `make bench-peers`."""
