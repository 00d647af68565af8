"""Signature version 4 of AWS, for a POST of JSON to one host. Pure: the clock is passed in.

The key that signs is derived once a day and not for each request: half of what a signature costs.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from hashlib import sha256
from typing import Protocol

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    """What signs, as botocore gives it; `token` is None for keys that do not expire."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Signs requests to one host of a service in a region."""

    def __init__(self, service: str, region: str, host: str, content_type: str) -> None:
        """`host` is what the header of that name will say, a port other than the default included."""
        self._service = service
        self._region = region
        self._host = host
        self._content_type = content_type
        self._derived: tuple[str, str] = ("", "")
        self._key = b""

    def headers(self, target: str, body: bytes, credentials: Credentials, now_s: float) -> dict[str, str]:
        """Return the headers of a request, its signature among them; `now_s` is seconds since 1970."""
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        signed = {"content-type": self._content_type, "host": self._host, "x-amz-date": at}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        signed["x-amz-target"] = target
        names = ";".join(signed)  # in the order of the alphabet, as they must be
        lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])
        request = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{at[:8]}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{ALGORITHM}\n{at}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.new(self._key_of(at[:8], credentials.secret_key), to_sign.encode(), sha256).hexdigest()
        signed["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key_of(self, day: str, secret: str) -> bytes:
        if self._derived != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.new(key, part.encode(), sha256).digest()
            self._derived, self._key = (day, secret), key
        return self._key
