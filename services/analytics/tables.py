"""The analytics service's tables, all in one SQLite file: a batch of events is one transaction over them.

`facts` has one row for each movement, clustered by account and day, because that is how it is read. The state tables
hold one MessagePack value a key (`keyed_state.py`).
"""

from services import decision_outbox, followed, set_aside
from services.analytics import push_records
from services.decision_outbox import Decided

STATES = ("account_states", "card_states", "customer_states", "category_states")

DECIDED = (Decided("rules", where="customer_id IS NOT NULL", follows_log=True),)

SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY CHECK (id = 1), log_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS journal (event INTEGER PRIMARY KEY, changes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (
    account_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    transaction_id TEXT NOT NULL,
    occurred_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    minor INTEGER NOT NULL,
    spending INTEGER NOT NULL,
    category TEXT NOT NULL,
    party TEXT NOT NULL,
    country TEXT NOT NULL,
    purpose TEXT NOT NULL,
    merchant_code TEXT,
    card_id TEXT,
    booked_on INTEGER,
    balance_before INTEGER,
    balance_after INTEGER,
    PRIMARY KEY (account_id, day, transaction_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS facts_by_transaction ON facts (transaction_id);
CREATE TABLE IF NOT EXISTS holders (
    customer_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (customer_id, account_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS holders_by_account ON holders (account_id);
CREATE TABLE IF NOT EXISTS late_events (
    log_offset INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    account_id TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    late_by_s INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS rules (id TEXT PRIMARY KEY, customer_id TEXT, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rules_by_customer ON rules (customer_id);
CREATE TABLE IF NOT EXISTS rule_changes (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cooldowns (key TEXT PRIMARY KEY, occurred_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alerts (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state TEXT NOT NULL,
    transaction_id TEXT,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS alerts_by_customer ON alerts (customer_id, seq);
CREATE INDEX IF NOT EXISTS alerts_by_transaction ON alerts (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS alert_log (
    log_offset INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    alert BLOB NOT NULL,
    UNIQUE (customer_id, seq)
);
CREATE TABLE IF NOT EXISTS alerts_expired (id INTEGER PRIMARY KEY CHECK (id = 1), before TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS relayed (id INTEGER PRIMARY KEY CHECK (id = 1), log_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alert_heads (
    customer_id TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    unread INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    alert_id TEXT PRIMARY KEY,
    due_us INTEGER NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_by_due ON outbox (due_us);
""" + "".join(
    [decision_outbox.SCHEMA, followed.SCHEMA, set_aside.SCHEMA, push_records.SCHEMA]
    + [
        f"CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;\n"
        for name in STATES
    ]
)
