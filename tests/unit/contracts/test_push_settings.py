"""Which settings of pushing go together."""

import pytest

from contracts.settings import BadSetting, read_settings

APNS = "arn:aws:sns:eu-central-1:123456789012:app/APNS/belfry"
GCM = "arn:aws:sns:eu-central-1:123456789012:app/GCM/belfry"


@pytest.mark.parametrize(
    ("apns", "fcm"), [(APNS, ""), ("", GCM), (APNS.replace("APNS", "APNS_SANDBOX"), GCM.replace("aws", "aws-cn"))]
)
def test_one_platform_application_is_enough(apns: str, fcm: str) -> None:
    """Each is told by its platform."""
    given = {"BELFRY_PUSH": "sns", "BELFRY_PUSH_APNS_APPLICATION": apns, "BELFRY_PUSH_FCM_APPLICATION": fcm}
    assert read_settings(given).push == "sns"


@pytest.mark.parametrize(
    ("apns", "fcm"),
    [("", ""), (GCM, ""), ("", APNS), (f"{APNS}/endpoint", ""), ("belfry", ""), ("", GCM.replace("12", "", 1))],
)
def test_what_is_no_platform_application_stops_the_start(apns: str, fcm: str) -> None:
    """None at all, the other platform's, or no such ARN."""
    given = {"BELFRY_PUSH": "sns", "BELFRY_PUSH_APNS_APPLICATION": apns, "BELFRY_PUSH_FCM_APPLICATION": fcm}
    with pytest.raises(BadSetting, match="BELFRY_PUSH"):
        read_settings(given)
