"""The account service: customers, accounts, balances, cards, holdings, devices, preferences; projected from the log."""
