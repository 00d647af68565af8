"""TLS as the settings ask for it: the gateway towards its clients; gateway, services and producers among themselves.

Among themselves both sides show a certificate of the bank's own authority and neither speaks to anything else (mTLS).
The one module here that reads files, because all of them must read the same ones. Certificates are read at the start.
"""

import ssl

from contracts.settings import BadSetting, Settings


def public_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return how the gateway proves itself to its clients; None: it speaks plain HTTP.

    Raises:
        BadSetting: the certificate or its key cannot be used.
    """
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(context, settings.tls_certificate, settings.tls_key, "BELFRY_TLS_CERTIFICATE")
    return context


def service_server_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return how a service proves itself, and that it demands the same of who calls; None: it speaks plain HTTP.

    Raises:
        BadSetting: a file cannot be used.
    """
    return _service_tls(settings, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def service_client_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return how who calls a service proves itself, and which services it believes; None: over plain HTTP.

    Raises:
        BadSetting: a file cannot be used.
    """
    return _service_tls(settings, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def _service_tls(settings: Settings, context: ssl.SSLContext) -> ssl.SSLContext | None:
    if not settings.service_tls_ca:
        return None
    context.verify_mode = ssl.CERT_REQUIRED
    _show(context, settings.service_tls_certificate, settings.service_tls_key, "BELFRY_SERVICE_TLS_CERTIFICATE")
    try:
        context.load_verify_locations(settings.service_tls_ca)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"BELFRY_SERVICE_TLS_CA cannot be used: {_reason(error)}.") from None
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str, setting: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a pass phrase would otherwise be asked for at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise BadSetting(f"{setting} or its key cannot be used: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not a PEM file").lower().replace("_", " ")
    return (getattr(error, "strerror", None) or str(error)).lower()
