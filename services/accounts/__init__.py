"""The account service: customers, accounts, balances, cards, holdings, devices and preferences, projected from the log."""
