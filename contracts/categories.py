"""Which spending category a merchant category code (ISO 18245) belongs to; pure, used wherever a payment is read."""

from bisect import bisect_right

from contracts.events import Payment
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory

_C = SpendingCategory

_RANGES: tuple[tuple[int, SpendingCategory], ...] = (
    (0, _C.OTHER), (742, _C.SERVICES), (1520, _C.HOUSING), (1800, _C.SERVICES), (3000, _C.TRAVEL), (4000, _C.TRANSPORT),
    (4411, _C.TRAVEL), (4412, _C.TRANSPORT), (4511, _C.TRAVEL), (4784, _C.TRANSPORT), (4800, _C.UTILITIES),
    (4829, _C.TRANSFERS), (4830, _C.UTILITIES), (5000, _C.SHOPPING), (5200, _C.HOUSING), (5300, _C.SHOPPING),
    (5411, _C.GROCERIES), (5500, _C.SHOPPING), (5541, _C.TRANSPORT), (5543, _C.SHOPPING), (5811, _C.DINING),
    (5815, _C.ENTERTAINMENT), (5819, _C.SHOPPING), (5912, _C.HEALTH), (5913, _C.SHOPPING), (5921, _C.GROCERIES),
    (5922, _C.SHOPPING), (5983, _C.UTILITIES), (5984, _C.SHOPPING), (6010, _C.CASH), (6012, _C.FINANCE),
    (6300, _C.INSURANCE), (6301, _C.FINANCE), (6513, _C.HOUSING), (6529, _C.FINANCE), (7011, _C.TRAVEL),
    (7200, _C.SERVICES), (7512, _C.TRANSPORT), (7531, _C.TRANSPORT), (7600, _C.SERVICES), (7800, _C.ENTERTAINMENT),
    (8000, _C.HEALTH), (8111, _C.SERVICES), (8211, _C.EDUCATION), (8351, _C.SERVICES), (8398, _C.OTHER),
    (8675, _C.TRANSPORT), (8676, _C.SERVICES), (9211, _C.GOVERNMENT), (9751, _C.GROCERIES), (9752, _C.GOVERNMENT),
)  # fmt: skip
_STARTS = [start for start, _ in _RANGES]


def category_of_code(merchant_category_code: str | None) -> SpendingCategory:
    """Return the category of a four-digit code; OTHER where there is none or it is unassigned."""
    if merchant_category_code is None:
        return _C.OTHER
    return _RANGES[bisect_right(_STARTS, int(merchant_category_code)) - 1][1]


def category_of(payment: Payment) -> SpendingCategory:
    """Return the category of a payment: the producer's, else the merchant's, else by direction."""
    if payment.category is not None:
        return payment.category
    if payment.merchant is not None:
        return category_of_code(payment.merchant.merchant_category_code)
    if payment.credit_debit_indicator is CreditDebitIndicator.CREDIT:
        return _C.INCOME
    return _C.TRANSFERS


def counts_as_spending(payment: Payment, category: SpendingCategory) -> bool:
    """Say whether a payment is spending: a debit, or a refund (a credit with a merchant), of a spending category."""
    if category is _C.INCOME or category is _C.TRANSFERS:
        return False
    return payment.credit_debit_indicator is CreditDebitIndicator.DEBIT or payment.merchant is not None
