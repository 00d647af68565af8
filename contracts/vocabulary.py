"""The closed vocabularies of the domain (ISO 20022, Berlin Group) as string enums shared by every part.

Values are the words on the wire between services and in GraphQL alike.
"""

from enum import StrEnum


class AccountKind(StrEnum):
    """ISO 20022 cash account type, with securities accounts beside."""

    CURRENT = "CACC"
    SAVINGS = "SVGS"
    CARD = "CARD"
    SECURITIES = "SECU"


class AccountStatus(StrEnum):
    ENABLED = "ENABLED"
    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"


class AccountUsage(StrEnum):
    PRIVATE = "PRIV"
    ORGANISATION = "ORGA"


class HolderRole(StrEnum):
    """What a customer may do with an account: a delegate sees it and pays, an owner or joint holder decides."""

    OWNER = "OWNER"
    JOINT = "JOINT"
    DELEGATE = "DELEGATE"


class BalanceType(StrEnum):
    CLOSING_BOOKED = "CLOSING_BOOKED"
    INTERIM_AVAILABLE = "INTERIM_AVAILABLE"
    EXPECTED = "EXPECTED"


class CreditDebitIndicator(StrEnum):
    CREDIT = "CRDT"
    DEBIT = "DBIT"


class TransactionStatus(StrEnum):
    PENDING = "PDNG"
    BOOKED = "BOOK"
    REJECTED = "RJCT"


class CardStatus(StrEnum):
    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    EXPIRED = "EXPIRED"


class DevicePlatform(StrEnum):
    IOS = "IOS"
    ANDROID = "ANDROID"
    WEB = "WEB"


class PushPlatform(StrEnum):
    """Whose push service reaches an app."""

    APNS = "APNS"
    FCM = "FCM"


class Frequency(StrEnum):
    WEEKLY = "WEEKLY"
    FORTNIGHTLY = "FORTNIGHTLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"


class SpendingCategory(StrEnum):
    """What a transaction was for; INCOME and TRANSFERS are never spending."""

    GROCERIES = "GROCERIES"
    DINING = "DINING"
    TRANSPORT = "TRANSPORT"
    TRAVEL = "TRAVEL"
    SHOPPING = "SHOPPING"
    ENTERTAINMENT = "ENTERTAINMENT"
    HEALTH = "HEALTH"
    HOUSING = "HOUSING"
    UTILITIES = "UTILITIES"
    EDUCATION = "EDUCATION"
    INSURANCE = "INSURANCE"
    FINANCE = "FINANCE"
    SERVICES = "SERVICES"
    GOVERNMENT = "GOVERNMENT"
    CASH = "CASH"
    TRANSFERS = "TRANSFERS"
    INCOME = "INCOME"
    OTHER = "OTHER"


class SpendingGroup(StrEnum):
    """What spending is grouped by; PURPOSE is the producer's own text, exactly as it was sent."""

    CATEGORY = "CATEGORY"
    MERCHANT = "MERCHANT"
    COUNTRY = "COUNTRY"
    DAY = "DAY"
    PURPOSE = "PURPOSE"


class Interval(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class AlertSeverity(StrEnum):
    """In rising order; see `SEVERITY_ORDER`."""

    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


SEVERITY_ORDER: dict[AlertSeverity, int] = {severity: rank for rank, severity in enumerate(AlertSeverity)}


class AlertKind(StrEnum):
    LARGE_TRANSACTION = "LARGE_TRANSACTION"
    LOW_BALANCE = "LOW_BALANCE"
    CARD_DECLINED = "CARD_DECLINED"
    FOREIGN_TRANSACTION = "FOREIGN_TRANSACTION"
    VELOCITY = "VELOCITY"
    UNUSUAL_SPENDING = "UNUSUAL_SPENDING"
    FAILED_PAYMENT = "FAILED_PAYMENT"
    LOGIN = "LOGIN"


class AlertState(StrEnum):
    """NEW to READ are about the customer's eyes; the others are answers and final but for each other."""

    NEW = "NEW"
    SEEN = "SEEN"
    READ = "READ"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CONFIRMED = "CONFIRMED"
    REPORTED_FRAUD = "REPORTED_FRAUD"
    DISMISSED = "DISMISSED"


UNREAD = frozenset({AlertState.NEW, AlertState.SEEN})
"""The states an unread count counts."""


class DeliveryChannel(StrEnum):
    """How an alert came to the customer: APP is the app's own word, the others are the bank handing it over."""

    APP = "APP"
    PUSH = "PUSH"
    SMS = "SMS"


class NotificationChannel(StrEnum):
    """How the bank reaches a customer whose app does not answer."""

    PUSH = "PUSH"
    SMS = "SMS"


class DeliveryStage(StrEnum):
    """How far an alert came, in rising order; see `STAGE_ORDER`. A device's own stages begin with DELIVERED."""

    SENT = "SENT"
    DELIVERED = "DELIVERED"
    SEEN = "SEEN"
    READ = "READ"
    ANSWERED = "ANSWERED"


STAGE_ORDER: dict[DeliveryStage, int] = {stage: rank for rank, stage in enumerate(DeliveryStage)}


class AlertResponse(StrEnum):
    """The customer's answer to "was this you?"."""

    CONFIRM = "CONFIRM"
    REPORT_FRAUD = "REPORT_FRAUD"
    DISMISS = "DISMISS"


class RuleState(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class Comparison(StrEnum):
    ABOVE = "ABOVE"
    BELOW = "BELOW"
