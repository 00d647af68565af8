"""Facts about the TLS settings: half of them, or files that are none, stop the start."""

from pathlib import Path

import pytest
import trustme

from contracts.settings import BadSetting, Settings, read_settings, service_url
from contracts.tls import public_tls, service_client_tls, service_server_tls

INSIDE = {f"BELFRY_SERVICE_TLS_{name}": f"{name.lower()}.pem" for name in ("CA", "CERTIFICATE", "KEY")}


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"BELFRY_TLS_CERTIFICATE": "a.pem"}, "BELFRY_TLS_KEY"),
        ({"BELFRY_SERVICE_TLS_CA": "a.pem"}, "BELFRY_SERVICE_TLS_CERTIFICATE"),
        (INSIDE | {"BELFRY_EVENTS_URL": "http://events:8101"}, "BELFRY_EVENTS_URL must be https"),
    ],
)
def test_half_of_it_stops_the_start(environment: dict[str, str], named: str) -> None:
    """A certificate without its key, an authority without a certificate, a service without TLS."""
    with pytest.raises(BadSetting, match=named):
        read_settings(environment)


def test_services_are_reached_over_https_where_certificates_are_set() -> None:
    """The default addresses follow."""
    assert service_url(read_settings(INSIDE), "events") == "https://127.0.0.1:8101"
    assert service_url(Settings(), "events") == "http://127.0.0.1:8101"


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """Missing, not PEM, the key of another certificate: the setting and the reason, without a traceback."""
    garbage, key = tmp_path / "garbage.pem", tmp_path / "key.pem"
    garbage.write_text("nothing")
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(key)
    own = tmp_path / "own.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(own)
    for certificate, wrong_key in ((tmp_path / "none.pem", key), (garbage, key), (own, key)):
        with pytest.raises(BadSetting, match=r"BELFRY_TLS_CERTIFICATE or its key cannot be used: [a-z]"):
            public_tls(Settings(tls_certificate=str(certificate), tls_key=str(wrong_key)))
    inside = Settings(service_tls_ca=str(garbage), service_tls_certificate=str(own), service_tls_key=str(own))
    for read in (service_server_tls, service_client_tls):
        with pytest.raises(BadSetting, match="BELFRY_SERVICE_TLS_CA cannot be used"):
            read(inside)
