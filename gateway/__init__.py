"""The GraphQL gateway: transports, identity, limits, execution, the alert feed and the command line."""
