"""Facts about tokens: which are believed, and which only look like one."""

import base64
import json
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from contracts.failures import Unauthenticated, Unavailable
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys, RemoteKeys
from gateway.revocation_stores import RevocationMemory
from gateway.revocations import Revocations
from tests.cases import each
from tests.examples import examples

NOW = 1_800_000_000.0
KEY = RSAKey.generate_key(2048, {"kid": "k1"})
FOREIGN = RSAKey.generate_key(2048)
KEY.ensure_kid()


def claims(**changes: Any) -> dict[str, Any]:
    found = {"iss": "i", "aud": "belfry", "sub": "c1", "exp": NOW + 60, "scope": "a b", **changes}
    return {name: value for name, value in found.items() if value is not None}


def token(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(
        {"alg": "RS256", "kid": "k1", **(header or {})},
        claims(**changes),
        key,
        algorithms=["RS256", "PS256", "ES256", "HS256", "RS512"],
    )


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(**header: Any) -> str:
    """Sign with the right key what no library would."""
    signing_input = f"{part({'alg': 'RS256', 'kid': 'k1', **header})}.{part(claims())}"
    assert KEY.private_key is not None
    signature = KEY.private_key.sign(signing_input.encode(), PKCS1v15(), SHA256())
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def authenticator(now: float = NOW) -> Authenticator:
    return Authenticator({"i": FixedKeys([KEY])}, Revocations(RevocationMemory()), audience="belfry", clock=lambda: now)


async def test_what_is_signed_here_is_believed_unless_its_header_is_odd() -> None:
    """The forgeries below fail for what they forge."""
    assert (await authenticator().authenticate(f"Bearer {signed()}")).customer_id == "c1"


async def test_a_good_token_is_its_customer() -> None:
    """Subject, scopes and expiry come from the claims."""
    principal = await authenticator().authenticate(
        f"Bearer {token(auth_time=NOW - 5, acr='high', device_id='phone-1')}"
    )
    assert (principal.customer_id, principal.scopes) == ("c1", frozenset("ab"))
    assert principal.expires_at == NOW + 60 + 30
    assert (principal.auth_time, principal.acr, principal.device_id) == (NOW - 5, "high", "phone-1")


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
async def test_the_listed_algorithms_are_taken(alg: str) -> None:
    """RSA in both paddings, by the same key."""
    assert (await authenticator().authenticate(f"bearer {token(header={'alg': alg})}")).customer_id == "c1"


async def test_an_elliptic_key_works_too() -> None:
    """ES256 with a key of the set."""
    key = ECKey.generate_key("P-256", {"kid": "e1"})
    checking = Authenticator(
        {"i": FixedKeys([key])}, Revocations(RevocationMemory()), audience="belfry", clock=lambda: NOW
    )
    assert (await checking.authenticate(f"Bearer {token(key, {'alg': 'ES256', 'kid': 'e1'})}")).customer_id == "c1"


PUBLIC_PEM = KEY.as_pem(private=False)
FORGED = {
    "no signature": f"{part({'alg': 'none'})}.{part(claims())}.",
    "none in another case": f"{part({'alg': 'nOnE', 'kid': 'k1'})}.{part(claims())}.",
    "the public key as HMAC secret": token(OctKey.import_key(PUBLIC_PEM.replace(b"-----", b"=====")), {"alg": "HS256"}),
    "an algorithm not on the list": token(header={"alg": "RS512"}),
    "another key under our id": token(FOREIGN),
    "an unknown key id": token(header={"kid": "k2"}),
    "a key id that is a path": token(header={"kid": "../../etc/passwd"}),
    "a key of its own": token(FOREIGN, {"jwk": KEY.as_dict(private=False)}),
    "a key id that is a list": signed(kid=["k1"]),
    "a key id that is SQL": token(header={"kid": "x' UNION SELECT 'k1"}),
    "a key id that is an address": token(header={"kid": "https://evil.example/keys"}),
    "keys at an address of its own": token(FOREIGN, {"jku": "https://evil.example/jwks.json"}),
    "a certificate of its own": token(FOREIGN, {"x5u": "https://evil.example/cert.pem"}),
    "an extension it calls critical": signed(crit=["exp"], exp=1),
    "claims that are nested endlessly": f"{part({'alg': 'RS256', 'kid': 'k1'})}.{'W1tb' * 1_900}.AAAA",
    "claims that are no object": f"{part({'alg': 'RS256', 'kid': 'k1'})}.{part([1])}.AAAA",
    "an issuer that is a list": token(iss=["i"]),
    "two audiences, neither ours": token(aud=["other", "belfry2"]),
    "another issuer": token(iss="other"),
    "no issuer": token(iss=None),
    "another audience": token(aud="other"),
    "no audience": token(aud=None),
    "no expiry": token(exp=None),
    "an expiry that is text": token(exp="tomorrow"),
    "an expiry beyond all numbers": token(exp=10**400),
    "an expiry beyond all times": token(exp=1e300),
    "no subject": token(sub=None),
    "a subject with a path": token(sub="../c2"),
    "an empty subject": token(sub=""),
    "expired": token(exp=NOW - 31),
    "not yet valid": token(nbf=NOW + 31),
    "scopes that are no text": token(scope=["a"]),
    "changed claims": ".".join([token().split(".")[0], part(claims(sub="c2")), token().split(".")[2]]),
}


@each("name", FORGED)
async def test_a_forged_token_is_refused(name: str) -> None:
    """Each trick ends in the same failure."""
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(f"Bearer {FORGED[name]}")


@each(
    "value",
    [None, "", "Bearer", "Bearer ", "Basic eDp5", "Bearer a b c", "x" * 10_000, "Bearer " + "x" * 9000, "Bearer é"],
)
async def test_what_is_no_bearer_token_is_refused(value: str | None) -> None:
    """Absent, another scheme, too long."""
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(value)


@examples(30)
@given(st.text(max_size=100))
async def test_any_text_is_survived(text: str) -> None:
    """Nothing but Unauthenticated comes of nonsense."""
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(f"Bearer {text}")


async def test_clocks_may_differ_by_the_leeway() -> None:
    """Thirty seconds either way."""
    assert (await authenticator().authenticate(f"Bearer {token(exp=NOW - 29, nbf=NOW + 29)}")).customer_id == "c1"


async def test_a_kept_token_still_expires() -> None:
    """Having been believed once does not outlive exp."""
    now = NOW
    checking = Authenticator(
        {"i": FixedKeys([KEY])}, Revocations(RevocationMemory()), audience="belfry", clock=lambda: now
    )
    given_token = f"Bearer {token()}"
    assert await checking.authenticate(given_token) is await checking.authenticate(given_token)
    now = NOW + 91
    with pytest.raises(Unauthenticated, match="expired"):
        await checking.authenticate(given_token)


class Issuer(httpx.AsyncBaseTransport):
    """An issuer's JWKS address."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys: list[Any] = [key.as_dict(private=False) for key in keys]
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        body = httpx.ByteStream(json.dumps({"keys": self.keys}).encode() if self.body is None else self.body)
        return httpx.Response(self.status, stream=body)


async def test_each_issuer_signs_for_itself_only() -> None:
    """A token is verified with the keys of the issuer it names: one issuer's key is worth nothing to another."""
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    issuers = {"i": FixedKeys([KEY]), "j": FixedKeys([other])}
    checking = Authenticator(issuers, Revocations(RevocationMemory()), audience="belfry", clock=lambda: NOW)
    for key, issuer in ((KEY, "i"), (other, "j")):
        assert (await checking.authenticate(f"Bearer {token(key, iss=issuer)}")).customer_id == "c1"
    for key, issuer in ((KEY, "j"), (other, "i")):
        with pytest.raises(Unauthenticated):
            await checking.authenticate(f"Bearer {token(key, iss=issuer)}")


async def test_rotation_is_followed_and_bounded() -> None:
    """A new key id fetches the set again; made-up ones only every thirty seconds."""
    issuer, now = Issuer(KEY), NOW
    keys = RemoteKeys("https://issuer.example/keys", issuer, lambda: now)
    assert (await keys.key("k1")).kid == "k1"
    for _ in range(50):
        with pytest.raises(Unauthenticated):
            await keys.key("made-up")
    assert issuer.asked == 1
    fresh = RSAKey.generate_key(2048, {"kid": "k2"})
    issuer.keys.append(fresh.as_dict(private=False))
    now += 31
    assert (await keys.key("k2")).kid == "k2"
    assert issuer.asked == 2


async def test_keys_outlive_an_issuer_that_is_away() -> None:
    """The last set stays in use; without any the answer is to try again."""
    issuer, now = Issuer(KEY), NOW
    keys = RemoteKeys("https://issuer.example/keys", issuer, lambda: now)
    await keys.key("k1")
    issuer.status, now = 503, NOW + 700
    assert (await keys.key("k1")).kid == "k1"
    with pytest.raises(Unavailable):
        await RemoteKeys("https://issuer.example/keys", issuer, lambda: now).key("k1")


@pytest.mark.filterwarnings("ignore:Key size")  # joserfc says of the weak key what is being tested here
async def test_weak_and_symmetric_keys_of_a_set_are_ignored() -> None:
    """A set that holds nothing else counts as not read."""
    issuer = Issuer(RSAKey.generate_key(1024, {"kid": "weak"}))
    issuer.keys.append({"kty": "oct", "k": "c2VjcmV0", "kid": "secret"})
    with pytest.raises(Unavailable):
        await RemoteKeys("https://issuer.example/keys", issuer, lambda: NOW).key("weak")


ODD_KEYS: list[Any] = [
    5,
    {"kty": 5},
    {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "k1"},
    {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
    {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    {"kty": "RSA", "kid": "k1"},
    {"kty": "RSA", "n": "!!", "e": "AQAB"},
    {"kty": "RSA", "n": 5, "e": "AQAB"},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": 5},
]


@each("odd", ODD_KEYS)
async def test_a_key_that_cannot_be_read_does_not_spoil_the_set(odd: Any) -> None:
    """RFC 7517, 5: it is ignored; the others are in use, also those that rotation brings."""
    issuer, now = Issuer(KEY), NOW
    issuer.keys.insert(0, odd)
    keys = RemoteKeys("https://issuer.example/keys", issuer, lambda: now)
    assert (await keys.key("k1")).kid == "k1"
    issuer.keys[:] = [odd]
    now += 700
    assert (await keys.key("k1")).kid == "k1"


async def test_what_is_no_key_set_leaves_the_keys_there_were() -> None:
    """Whatever the issuer answers, nobody gets an internal error for it."""
    issuer, now = Issuer(KEY), NOW
    keys = RemoteKeys("https://issuer.example/keys", issuer, lambda: now)
    await keys.key("k1")
    for body in (b"", b"\xff", b"[]", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":' * 20_000, b" " * 300_000):
        issuer.body = body
        now += 700
        assert (await keys.key("k1")).kid == "k1"
    assert issuer.asked == 8


async def test_a_key_is_for_the_algorithm_its_set_names() -> None:
    """RFC 8725, 3.1."""
    checking = Authenticator(
        {"i": FixedKeys([RSAKey.import_key({**KEY.as_dict(private=False), "alg": "PS256"})])},
        Revocations(RevocationMemory()),
        audience="belfry",
        clock=lambda: NOW,
    )
    assert (await checking.authenticate(f"Bearer {token(header={'alg': 'PS256'})}")).customer_id == "c1"
    with pytest.raises(Unauthenticated):
        await checking.authenticate(f"Bearer {token()}")


async def test_a_time_that_is_none_is_no_time() -> None:
    """Of the claims that may be absent."""
    principal = await authenticator().authenticate(f"Bearer {token(auth_time=10**400, acr=['high'])}")
    assert (principal.auth_time, principal.acr) == (None, None)


async def test_the_demo_issuer_keeps_its_key(issuer: DemoIssuer, tmp_path: Any) -> None:
    """Two openings of one folder sign with one key, readable by its owner only."""
    first, second = (DemoIssuer.open(tmp_path, audience="belfry") for _ in range(2))
    checking = Authenticator(
        {ISSUER: FixedKeys([first.public_key])},
        Revocations(RevocationMemory()),
        audience="belfry",
        clock=time.time,
    )
    assert (await checking.authenticate(f"Bearer {second.mint_token('c1')}")).customer_id == "c1"
    assert (tmp_path / "demo-issuer.pem").stat().st_mode & 0o777 == 0o600
