"""The one settings object: every `BELFRY_*` variable, read once by `read_settings`; docs/settings.md is made from it.

Pure: it is given the environment, and touches nothing. An unknown or out-of-range variable stops the start.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

PREFIX = "BELFRY_"


class BadSetting(Exception):
    """A setting that stops the start; the message names it and says why, never its value: it may be secret."""


WORKERS_MAX = 64
Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting with its unit, default and meaning (the string below each field is its documentation)."""

    host: str = "127.0.0.1"
    """Address every server of this process binds to. Anything but loopback needs `BELFRY_SERVICE_TOKEN`."""
    port: Port = 8000
    """Port of the gateway; 0 takes a free one."""
    workers: Annotated[int, Meta(ge=0, le=WORKERS_MAX)] = 1
    """Gateway processes that share the port, for more than one core; 0: one for each core."""
    accounts_port: Port = 8102
    """Port of the account service."""
    events_port: Port = 8101
    """Port of the event service."""
    analytics_port: Port = 8103
    """Port of the analytics service."""
    accounts_url: str = ""
    """How the account service is reached; empty: `http(s)://127.0.0.1:<accounts port>`."""
    events_url: str = ""
    """How the event service is reached; empty: `http(s)://127.0.0.1:<events port>`."""
    analytics_url: str = ""
    """How the analytics service is reached; empty: `http(s)://127.0.0.1:<analytics port>`."""
    data_dir: Path = Path(".belfry")
    """Folder of every file Belfry writes; created with mode 0700."""
    service_token: str = ""
    """Bearer token the services demand of the gateway and producers (32 characters or more); empty only on loopback."""
    service_token_secret: str = ""
    """Name or ARN of the secret in Secrets Manager that holds that token instead; read every five minutes."""
    log_level: str = "INFO"
    """Least level logged: DEBUG, INFO, WARNING or ERROR."""
    lateness_s: Annotated[int, Meta(ge=0, le=7 * 24 * 3600)] = 3600
    """Seconds of event time a window waits for late events before it closes."""
    future_s: Annotated[int, Meta(ge=0, le=24 * 3600)] = 300
    """Seconds an event's time may lie in the future before it is rejected."""
    ingest_queue_max: Count = 64
    """Ingest batches waiting for the log before producers get 429."""
    archive: str = ""
    """Folder or `s3://bucket/prefix` of the archive of this one event log; empty: `archive` in the data folder."""
    archive_piece_bytes: Annotated[int, Meta(ge=4096, le=64 * 1024**2)] = 8 * 1024**2
    """Bytes of the log in one file of the archive, before it is packed; that much stays on the disk for longer."""
    log_days: Annotated[float, Meta(ge=0, le=36_500)] = 30.0
    """Days an entry of the event log stays on the disk before it is only in the archive; 0: for ever."""
    seen_days: Annotated[float, Meta(ge=0, le=36_500)] = 30.0
    """Days in which an event that is sent again is known as a duplicate; 0: for ever."""
    history_days: Annotated[float, Meta(ge=0, le=36_500)] = 800.0
    """Days a transaction stays in the history, from when it was taken in; 0: for ever."""
    letter_days: Annotated[float, Meta(ge=0, le=36_500)] = 90.0
    """Days a dead letter is kept, of at most a million; 0: for ever."""
    push: str = "off"
    """What alerts that no app acknowledged go to: `off`, `log` (notifications.ndjson in the data folder) or `sns`."""
    push_apns_application: str = ""
    """ARN of SNS's platform application (APNS or APNS_SANDBOX) for Apple's devices; empty: `sns` pushes to none."""
    push_fcm_application: str = ""
    """ARN of SNS's platform application (GCM) for devices with Firebase; empty: `sns` pushes to none."""
    push_high_after_s: Seconds = 30.0
    """Seconds the app has to acknowledge a HIGH alert before it is pushed."""
    push_critical_after_s: Seconds = 10.0
    """Seconds the app has to acknowledge a CRITICAL alert before it is pushed."""
    push_sms_after_s: Seconds = 120.0
    """Seconds from one channel to the next (push to SMS) while nobody acknowledges."""
    push_age_s_max: Annotated[int, Meta(ge=60, le=7 * 24 * 3600)] = 24 * 3600
    """Seconds after which an alert that waits (for quiet hours to end, for a channel) is not pushed any more."""
    push_event_age_s_max: Annotated[int, Meta(ge=60, le=7 * 24 * 3600)] = 6 * 3600
    """Seconds an event may be old when it raises an alert that is pushed: replaying a year wakes nobody."""
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    """Seconds over which a stopping gateway closes its live streams, so that they do not all come back at once."""
    subscribes_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    """Subscriptions that begin in a second at one gateway; more wait their turn, so that queries are still answered."""
    request_timeout_s: Seconds = 5.0
    """Deadline of one GraphQL query or mutation, in seconds, its downstream calls included."""
    call_try_s: Seconds = 1.0
    """Seconds one try of a repeatable call to a service may take; other calls may take all the request has left."""
    call_tries_max: Annotated[int, Meta(ge=1, le=10)] = 3
    """Tries of a repeatable call, the first included."""
    call_retry_percent: Annotated[float, Meta(ge=0, le=100)] = 10.0
    """Retries a service may be sent, in hundredths of the calls it is sent; 0: none."""
    call_hedge_percent: Annotated[float, Meta(ge=0, le=100)] = 5.0
    """Reads sent a second time when slower than 95 of 100, in hundredths of all reads of a service; 0: none."""
    circuit_pause_s: Seconds = 2.0
    """Seconds a service that fails half its calls is left alone, doubled up to 30 as long as it still fails."""
    calls_per_service_max: Annotated[int, Meta(ge=1, le=10_000)] = 128
    """Calls under way to one service; further ones wait."""
    calls_max: Annotated[int, Meta(ge=1, le=30_000)] = 300
    """Calls under way to all services; at 60 % insights are shed, at 85 % balances, at 100 % everything."""
    kept_answers_s: Annotated[int, Meta(ge=0, le=24 * 3600)] = 300
    """Seconds an insight is kept, to be shown with its age when the analytics service fails; 0: none."""
    kept_answers_bytes_max: Annotated[int, Meta(ge=0, le=4 * 1024**3)] = 32 * 1024**2
    """Bytes of memory for kept answers, all customers together."""
    issuer: str = ""
    """Issuers (`iss`) whose tokens the gateway accepts, comma separated; empty: the demo issuer, only in the demo."""
    audience: str = "belfry"
    """Audience (`aud`) a token must name."""
    jwks_url: str = ""
    """Where each issuer publishes its keys (https), comma separated in the order of `BELFRY_ISSUER`."""
    demo: bool = False
    """Turn on the demo issuer, GraphiQL and its customer list; never in production."""
    cursor_keys: str = ""
    """Feed cursor keys, comma separated, 32 characters or more each: the first signs, all verify; empty: demo only."""
    cursor_keys_secret: str = ""
    """Name or ARN of the secret in Secrets Manager that holds those keys instead; read every five minutes."""
    documents: str = "open"
    """Which GraphQL documents run: `open` (any), `log` (unknown ones logged) or `only` (trusted ones)."""
    documents_manifest: str = ""
    """Path of the signed manifest of trusted documents; needed unless `BELFRY_DOCUMENTS` is `open`."""
    documents_key: str = ""
    """Public key that verifies the manifest: Ed25519, 32 bytes in base64."""
    cost_max: Count = 20_000
    """Highest estimated cost of one operation (`@cost`, `@listSize`); a page of 20 transactions costs about 60."""
    cost_mode: str = "enforce"
    """What happens to an operation over the bound: `enforce` (refused) or `measure` (counted)."""
    customer_cost_per_minute: Count = 600_000
    """Cost one customer's operations may have in a minute, all together."""
    address_requests_per_minute: Count = 120_000
    """Requests and sockets one address may open in a minute; many customers share an address."""
    step_up_max_age_s: Annotated[int, Meta(ge=0, le=24 * 3600)] = 300
    """Seconds since the customer signed in (`auth_time`) in which sensitive mutations run; the demo sets 8 hours."""
    step_up_acrs: str = ""
    """Comma-separated authentication levels (`acr`) with which they run whatever the age; empty: none."""
    execution: str = "compiled"
    """How operations are executed: `compiled` (plans), `stock` (graphql-core), `shadow` (both; differences logged)."""
    http_statuses: str = "compatible"
    """HTTP statuses of GraphQL answers: `compatible` (what clients expect today) or `v1` (the 2026 specification)."""
    batch_max: Annotated[int, Meta(ge=1, le=20)] = 1
    """Operations one HTTP request may hold, as a JSON array; 1: a request is one operation."""
    allowed_origins: str = ""
    """Comma-separated browser origins that may use the gateway besides its own; empty: none."""
    allowed_hosts: str = "localhost,127.0.0.1"
    """Comma-separated host names the gateway answers for."""
    service_hosts: str = ""
    """Comma-separated host names the services answer for, besides their machine's, `BELFRY_HOST` and their URLs'."""
    trusted_proxies: str = ""
    """Comma-separated addresses and networks of proxies whose `X-Forwarded-For` and `-Proto` are believed."""
    tls_certificate: str = ""
    """PEM file of the gateway's certificate and its chain: with it, it speaks HTTPS only; empty: plain HTTP."""
    tls_key: str = ""
    """PEM file of that certificate's private key, without a pass phrase."""
    event_stream: str = ""
    """Name of the Kinesis stream that events go through; needs `BELFRY_STATE_TABLE`; empty: none, one machine."""
    state_table: str = ""
    """Name of the DynamoDB table in which the reader of the stream has its lease."""
    alert_table: str = ""
    """Name of the DynamoDB table of the alert log; goes with `BELFRY_ALERT_TOPIC`; empty: kept on the one machine."""
    alert_topic: str = ""
    """ARN of the SNS topic of live alerts: analytics publishes, each gateway has a queue on it; empty: HTTP streams."""
    decision_table: str = ""
    """Name of the DynamoDB table of what customers decide (card freezes, rules); empty: kept on the one machine."""
    aws_calls: str = "signed"
    """How hot calls of AWS are made: `signed` (sent by Belfry itself) or `client` (by aiobotocore, at more CPU)."""
    service_tls_ca: str = ""
    """PEM file of the authority that gateway, services and producers know each other by (mTLS); empty: plain HTTP."""
    service_tls_certificate: str = ""
    """PEM file of the certificate, with its chain, that this process shows them, whether it calls or is called."""
    service_tls_key: str = ""
    """PEM file of that certificate's private key, without a pass phrase."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from `BELFRY_*` variables; other variables are ignored.

    Raises:
        BadSetting: a variable is unknown, of the wrong type or out of range.
    """
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        field = name.removeprefix(PREFIX).lower()
        if field not in hints or name != name.upper():
            raise BadSetting(f"{name} is not a setting of Belfry; see docs/settings.md.")
        values[field] = _value(name, text, hints[field])
    settings = Settings(**values)
    for name in SECRETS:
        if getattr(settings, name) and getattr(settings, f"{name}_secret"):
            raise BadSetting(f"{PREFIX}{name.upper()} and {PREFIX}{name.upper()}_SECRET: only one of them can be set.")
    return checked(settings)


def _value(name: str, text: str, hint: Any) -> Any:
    if hint is Path:
        if not text:
            raise BadSetting(f"{name} is empty: leave it out for its default.")
        return Path(text)
    try:
        return msgspec.convert(text, hint, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{name} is not valid: {str(error)[0].lower()}{str(error)[1:]}.") from None


SECRETS = ("service_token", "cursor_keys")
"""Settings that Secrets Manager may hold instead, under the name that the setting with `_secret` gives."""
SERVICE_URLS = ("accounts_url", "events_url", "analytics_url")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECRET_LENGTH_MIN = 32
_BUCKET_AND_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]{0,200}[A-Za-z0-9._-]")
_CHOICES = {
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "documents": ("open", "log", "only"),
    "cost_mode": ("enforce", "measure"),
    "execution": ("compiled", "stock", "shadow"),
    "http_statuses": ("compatible", "v1"),
    "push": ("off", "log", "sns"),
    "aws_calls": ("signed", "client"),
}


def checked(settings: Settings) -> Settings:
    """Return the settings when their combination is safe.

    Raises:
        BadSetting: it is not; the message names the setting.
    """
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise BadSetting(f"{PREFIX}{name.upper()} must be {', '.join(choices[:-1])} or {choices[-1]}.")
    if (settings.documents != "open" or settings.documents_manifest) and not (
        settings.documents_manifest and settings.documents_key
    ):
        raise BadSetting("BELFRY_DOCUMENTS_MANIFEST and BELFRY_DOCUMENTS_KEY are needed together.")
    if bool(settings.event_stream) != bool(settings.state_table):
        raise BadSetting("BELFRY_EVENT_STREAM and BELFRY_STATE_TABLE are needed together.")
    if bool(settings.alert_table) != bool(settings.alert_topic):
        raise BadSetting("BELFRY_ALERT_TABLE and BELFRY_ALERT_TOPIC are needed together.")
    if settings.archive.startswith("s3:") and not _BUCKET_AND_PREFIX.fullmatch(settings.archive):
        raise BadSetting("BELFRY_ARCHIVE must be a folder or s3://bucket/prefix, without a slash at its end.")
    if not split_setting(settings.allowed_hosts):
        raise BadSetting("BELFRY_ALLOWED_HOSTS names no host: nobody would be answered.")
    _check_push(settings)
    _check_urls(settings)
    _check_tls(settings)
    _check_proxies(settings)
    if settings.service_token:
        check_service_token(settings.service_token)
    if settings.host not in LOOPBACK and not (settings.service_token or settings.service_token_secret):
        raise BadSetting("BELFRY_SERVICE_TOKEN is needed when BELFRY_HOST is not a loopback address.")
    return settings


def check_service_token(token: str) -> None:
    """Refuse a token that could be guessed.

    Raises:
        BadSetting: it is too short.
    """
    if len(token) < SECRET_LENGTH_MIN:
        raise BadSetting(f"BELFRY_SERVICE_TOKEN must have {SECRET_LENGTH_MIN} characters or more.")


PUSH_APPLICATIONS = {"push_apns_application": "APNS(?:_SANDBOX)?", "push_fcm_application": "GCM"}
"""The platform of each; more of an ARN than its form cannot be known here."""


def _check_push(settings: Settings) -> None:
    given = {name: getattr(settings, name) for name in PUSH_APPLICATIONS}
    for name, arn in given.items():
        form = rf"arn:[a-z-]+:sns:[a-z0-9-]+:\d{{12}}:app/{PUSH_APPLICATIONS[name]}/[A-Za-z0-9_.-]{{1,256}}"
        if arn and re.fullmatch(form, arn) is None:
            raise BadSetting(f"{PREFIX}{name.upper()} must be the ARN of a platform application of that platform.")
    if settings.push == "sns" and not any(given.values()):
        raise BadSetting("BELFRY_PUSH=sns needs BELFRY_PUSH_APNS_APPLICATION or BELFRY_PUSH_FCM_APPLICATION.")


def _check_urls(settings: Settings) -> None:
    for name in SERVICE_URLS:
        url = getattr(settings, name)
        if url.startswith(("http:", "https:")) and not _names_a_host(url):
            raise BadSetting(f"{PREFIX}{name.upper()} must name a host, such as http://127.0.0.1:8101.")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_proxies(settings: Settings) -> None:
    for proxy in split_setting(settings.trusted_proxies):
        try:
            ip_network(proxy)
        except ValueError:
            raise BadSetting("BELFRY_TRUSTED_PROXIES must hold addresses or networks, such as 10.0.0.0/8.") from None


def _check_tls(settings: Settings) -> None:
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise BadSetting("BELFRY_TLS_CERTIFICATE and BELFRY_TLS_KEY are needed together.")
    inside = [settings.service_tls_ca, settings.service_tls_certificate, settings.service_tls_key]
    if any(inside) and not all(inside):
        raise BadSetting(
            "BELFRY_SERVICE_TLS_CA, BELFRY_SERVICE_TLS_CERTIFICATE and BELFRY_SERVICE_TLS_KEY are needed together."
        )
    for name in SERVICE_URLS:
        if settings.service_tls_ca and getattr(settings, name).startswith("http:"):
            raise BadSetting(f"{PREFIX}{name.upper()} must be https where BELFRY_SERVICE_TLS_CA is set.")


def split_setting(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def is_guarded_url(url: str) -> bool:
    """Say whether nobody in between can change what is fetched there: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def service_url(settings: Settings, service: str) -> str:
    """Return how `accounts`, `events` or `analytics` is reached, without a trailing slash."""
    url: str = getattr(settings, f"{service}_url")
    scheme = "https" if settings.service_tls_ca else "http"
    return url.rstrip("/") if url else f"{scheme}://127.0.0.1:{getattr(settings, f'{service}_port')}"
