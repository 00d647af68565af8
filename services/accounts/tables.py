"""The account service's tables, all in one SQLite file.

What is projected from the event log (with `progress`, its offset) and what customers command (card freezes, devices,
push tokens, preferences) live side by side. Of the commands' tables the projection writes devices alone: that one was
registered, and when it was seen.
"""

from services import decision_outbox, followed, set_aside
from services.decision_outbox import Decided

DECIDED = (
    Decided("frozen_cards"),
    Decided("devices", where="trusted", projected=frozenset({"last_seen_at"}), follows_log=True),
    Decided("push_tokens"),
    Decided("preferences"),
)

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), log_offset INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO progress (one, log_offset) VALUES (1, 0);

CREATE TABLE IF NOT EXISTS customers (
    id TEXT PRIMARY KEY,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    residency_country TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    display_name TEXT NOT NULL,
    currency TEXT NOT NULL,
    usage TEXT NOT NULL,
    opened_on TEXT NOT NULL,
    iban TEXT,
    overdraft_minor INTEGER,
    credit_minor INTEGER,
    interest_rate TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holders (
    account_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    role TEXT NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (account_id, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS holders_by_customer ON holders (customer_id, account_id, role);

-- `stated_minor`: the balance the bank's ledger stated on that day; `net_minor`: what was booked on the day since then.
CREATE TABLE IF NOT EXISTS days (
    account_id TEXT NOT NULL,
    day TEXT NOT NULL,
    stated_minor INTEGER,
    net_minor INTEGER NOT NULL,
    PRIMARY KEY (account_id, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balance_times (
    account_id TEXT PRIMARY KEY,
    booked_at TEXT,
    changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
    transaction_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    minor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS holds_by_account ON holds (account_id, minor);
-- Ids as producers send them, not hashes: exact, and neighbours in time mostly stay neighbours on disk.
CREATE TABLE IF NOT EXISTS settled (transaction_id TEXT PRIMARY KEY, booked INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cards (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    cardholder_id TEXT NOT NULL,
    masked_pan TEXT NOT NULL,
    expiry TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cards_by_account ON cards (account_id);
CREATE INDEX IF NOT EXISTS cards_by_holder ON cards (cardholder_id);
CREATE TABLE IF NOT EXISTS frozen_cards (card_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS issued_cards AS
SELECT id, account_id, cardholder_id, masked_pan, expiry, card_id IS NOT NULL AS frozen
FROM cards LEFT JOIN frozen_cards ON card_id = id;

CREATE TABLE IF NOT EXISTS holdings (
    account_id TEXT NOT NULL,
    isin TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (account_id, isin)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prices (
    isin TEXT NOT NULL,
    currency TEXT NOT NULL,
    price TEXT NOT NULL,
    quoted_at TEXT NOT NULL,
    PRIMARY KEY (isin, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS standing_orders (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    frequency TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    purpose TEXT,
    next_date TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS standing_orders_by_account ON standing_orders (account_id);

-- A device nobody registered is known from its logins: not trusted, and named by its platform.
CREATE TABLE IF NOT EXISTS devices (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    trusted INTEGER NOT NULL,
    last_seen_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS devices_by_customer ON devices (customer_id);
CREATE TABLE IF NOT EXISTS push_tokens (
    device_id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    token TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    signed_in_with TEXT NOT NULL,
    signed_in_at INTEGER,
    UNIQUE (platform, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS push_tokens_by_customer ON push_tokens (customer_id);
-- A token that another customer registered on a device before says nothing of it.
CREATE VIEW IF NOT EXISTS current_push_tokens AS
SELECT push_tokens.* FROM push_tokens JOIN devices ON id = device_id AND devices.customer_id = push_tokens.customer_id;
CREATE VIEW IF NOT EXISTS known_devices AS
SELECT devices.*, current_push_tokens.platform AS push_platform
FROM devices LEFT JOIN current_push_tokens ON device_id = id;
CREATE TABLE IF NOT EXISTS preferences (customer_id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
    + decision_outbox.SCHEMA
    + followed.SCHEMA
    + set_aside.SCHEMA
)
