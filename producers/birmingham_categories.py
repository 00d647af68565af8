"""Which spending category a council's account description belongs to: the first keyword found in it decides.

TRANSFERS and INCOME are never given: every row of the file is spending, or a refund of it.
"""

from functools import lru_cache

from contracts.vocabulary import SpendingCategory

_C = SpendingCategory

_KEYWORDS: tuple[tuple[SpendingCategory, str], ...] = (
    (_C.INSURANCE, "insurance|liab ins"),
    (_C.GROCERIES, "purchases food|provisions"),
    (_C.DINING, "hospitality|catering|meals"),
    (_C.TRAVEL, "travel foreign|ttavel|accomodation|visits"),
    (_C.EDUCATION, "book|training|tutor|exam|conference|papers|recruit"),
    (_C.TRANSPORT, "vehicle|travel|parking|transport|car allow|oil"),
    (_C.UTILITIES, "electric|gas|water|phon|mobiles|telephones|postage|refuse"),
    (
        _C.HOUSING,
        "bldg|hr&m|hrm|premises|rent|rates|repairs|grounds|cleaning|fix&fit|fire|security|plant|works|planned",
    ),
    (_C.ENTERTAINMENT, "entertain|recordings|floral|gifts"),
    (_C.HEALTH, "health|autopsy|personal needs|aftercare"),
    (_C.GOVERNMENT, "excise|licences|goven|inspection|grants|witness|burial"),
    (_C.FINANCE, "bank|leasing|fin cha|audit|credits|lease"),
    (_C.SERVICES, "fee|services|third parties|agencies|advert|promotion|consult|translation|subscription|laundry"),
    (_C.SHOPPING, "equip|stationery|mat'l|supplies|comput|cloth|stock|goods|photocopying|sign|print"),
)
_DESCRIPTIONS_MAX = 4096
"""Distinct descriptions remembered; the file has 144."""


@lru_cache(_DESCRIPTIONS_MAX)
def category_of_description(description: str) -> SpendingCategory:
    """Return the category of an account description; OTHER where it is blank or no keyword fits."""
    lowered = description.lower()
    for category, keywords in _KEYWORDS:
        if any(keyword in lowered for keyword in keywords.split("|")):
            return category
    return _C.OTHER
