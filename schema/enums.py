"""The closed vocabularies, published under their member names."""

from enum import StrEnum

from contracts.feed import FeedGapReason
from contracts.vocabulary import (
    AccountStatus,
    AccountUsage,
    AlertKind,
    AlertResponse,
    AlertSeverity,
    AlertState,
    BalanceType,
    CardStatus,
    Comparison,
    CreditDebitIndicator,
    DeliveryChannel,
    DeliveryStage,
    DevicePlatform,
    Frequency,
    Interval,
    NotificationChannel,
    PushPlatform,
    RuleState,
    SpendingCategory,
    SpendingGroup,
    TransactionStatus,
)
from schema.views import enum

__all__ = [
    "AccountStatus",
    "AccountUsage",
    "AlertKind",
    "AlertResponse",
    "AlertSeverity",
    "AlertState",
    "BalanceType",
    "CardStatus",
    "Comparison",
    "CreditDebitIndicator",
    "DeliveryChannel",
    "DeliveryStage",
    "DevicePlatform",
    "FeedGapReason",
    "Frequency",
    "Interval",
    "NotificationChannel",
    "PushPlatform",
    "RecurringStatus",
    "RuleState",
    "SpendingCategory",
    "SpendingGroup",
    "TransactionStatus",
]

enum(
    AccountStatus,
    "Whether an account can be used.",
    ENABLED="Open and in use.",
    BLOCKED="No movements are possible until the bank lifts the block.",
    CLOSED="No longer in use; its history stays.",
)
enum(
    AccountUsage,
    "What an account is used for.",
    PRIVATE="A person's own money.",
    ORGANISATION="A business or an association.",
)
enum(
    BalanceType,
    "Which balance of an account, after ISO 20022.",
    CLOSING_BOOKED="Booked at the end of a day.",
    INTERIM_AVAILABLE="What can be spent now: booked less pending debits, plus overdraft or credit limit.",
    EXPECTED="Booked once everything pending is booked too.",
)
enum(
    CreditDebitIndicator,
    "The direction of a movement, or on which side of zero a balance is.",
    CREDIT="Money in; a balance at or above zero.",
    DEBIT="Money out; a balance below zero.",
)
enum(
    TransactionStatus,
    "What has become of a movement; it stays the same transaction throughout.",
    PENDING="Authorised or announced, not yet booked.",
    BOOKED="Booked.",
    REJECTED="Refused, returned or released; it moved nothing.",
)
enum(
    CardStatus,
    "Whether a card can be used.",
    ACTIVE="Can be used.",
    FROZEN="Refused everywhere until it is unfrozen.",
    EXPIRED="Past its expiry; can be neither used nor unfrozen.",
)
enum(
    DevicePlatform,
    "What a device runs.",
    IOS="Apple iOS.",
    ANDROID="Google Android.",
    WEB="A web browser.",
)
enum(
    PushPlatform,
    "Whose push service reaches an app.",
    APNS="Apple Push Notification service.",
    FCM="Firebase Cloud Messaging.",
)
enum(
    Frequency,
    "How often something is paid.",
    WEEKLY="Every week.",
    FORTNIGHTLY="Every two weeks.",
    MONTHLY="Every month.",
    QUARTERLY="Every three months.",
    YEARLY="Every year.",
)
enum(
    SpendingCategory,
    "What a transaction was for. INCOME and TRANSFERS are never spending.",
    GROCERIES="Food and drink to take home.",
    DINING="Restaurants, cafés and bars.",
    TRANSPORT="Local transport, fuel and parking.",
    TRAVEL="Flights, hotels and car hire.",
    SHOPPING="Shops of every other kind.",
    ENTERTAINMENT="Media, games, sports and culture.",
    HEALTH="Doctors, pharmacies and care.",
    HOUSING="Rent, furniture and repairs.",
    UTILITIES="Energy, water, telephone and internet.",
    EDUCATION="Schools, courses and child care.",
    INSURANCE="Insurance of every kind.",
    FINANCE="Fees, interest and investments.",
    SERVICES="Professional and personal services.",
    GOVERNMENT="Taxes, fines and fees of the state.",
    CASH="Cash withdrawn.",
    TRANSFERS="Money moved between people or accounts.",
    INCOME="Money received.",
    OTHER="None of the others.",
)
enum(
    SpendingGroup,
    "What spending is grouped by.",
    CATEGORY="The spending category.",
    MERCHANT="The merchant's name.",
    COUNTRY="The merchant's country.",
    DAY="The day, UTC.",
    PURPOSE="The sender's own text for what it was for, exactly as sent.",
)
enum(
    Interval,
    "Length of one step of a series.",
    DAY="A day.",
    WEEK="A week from Monday.",
    MONTH="A calendar month.",
)
enum(
    AlertSeverity,
    "How much an alert matters, in rising order.",
    INFO="Good to know.",
    LOW="Worth a look some time.",
    MEDIUM="Worth a look today.",
    HIGH="Worth a look now.",
    CRITICAL="Act now; passes quiet hours and every muting.",
)
enum(
    AlertKind,
    "What an alert is about.",
    LARGE_TRANSACTION="A single movement above an amount.",
    LOW_BALANCE="A booking took the balance below a threshold.",
    CARD_DECLINED="A card payment was declined.",
    FOREIGN_TRANSACTION="A card payment abroad.",
    VELOCITY="Many payments within a short time.",
    UNUSUAL_SPENDING="Spending unlike before, or over or under a total.",
    FAILED_PAYMENT="A payment or standing order failed.",
    LOGIN="A login from a device not seen before.",
)
enum(
    AlertState,
    "What the customer has done about an alert.",
    NEW="Not seen yet; unread.",
    SEEN="Shown in a list or a notification, not opened; unread.",
    READ="Read.",
    ACKNOWLEDGED="Acknowledged.",
    CONFIRMED='"Yes, this was me."',
    REPORTED_FRAUD='"No, this was not me."',
    DISMISSED="Put away without an answer.",
)
enum(
    DeliveryChannel,
    "How an alert came to the customer.",
    APP="The app has it, as it said itself.",
    PUSH="Handed over as a push notification.",
    SMS="Handed over as an SMS.",
)
enum(
    NotificationChannel,
    "How the bank reaches a customer whose app does not answer.",
    PUSH="A push notification.",
    SMS="An SMS.",
)
enum(
    DeliveryStage,
    "How far an alert came, in rising order.",
    SENT="Handed over to be delivered; whether it arrived is not known.",
    DELIVERED="The device has it.",
    SEEN="The device showed it in a list or a notification.",
    READ="The customer opened it.",
    ANSWERED="The customer acknowledged or answered it.",
)
enum(
    AlertResponse,
    'The answer to "was this you?".',
    CONFIRM="It was me.",
    REPORT_FRAUD="It was not me.",
    DISMISS="No answer; put it away.",
)
enum(
    RuleState,
    "Whether a rule is in force.",
    ACTIVE="In force.",
    PAUSED="Kept, but raises nothing.",
)
enum(
    Comparison,
    "On which side of its threshold a total raises an alert.",
    ABOVE="As soon as the sliding window exceeds it.",
    BELOW="When a window closes with less.",
)


class RecurringStatus(StrEnum):
    """The words of `contracts.insights.RecurringPayment.status`."""

    ACTIVE = "ACTIVE"
    LAPSED = "LAPSED"


enum(
    RecurringStatus,
    "Whether a recurring payment still recurs.",
    ACTIVE="The next one is not overdue.",
    LAPSED="The next one is overdue by more than half a period.",
)
enum(
    FeedGapReason,
    "Why the feed does not go on right after the cursor it was given.",
    EXPIRED="The entries after the cursor are no longer kept.",
    SLOW_CONSUMER="The client read too slowly and was moved ahead.",
    UNKNOWN="The cursor lies beyond the log's end.",
)
