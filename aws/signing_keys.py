"""A signing key that stays in KMS: what is signed goes there, the key never leaves."""

from typing import NamedTuple

from aws.clients import aws_client, translated

ALGORITHM = "ED25519_SHA_512"
MESSAGE_BYTES_MAX = 4096
"""What KMS signs whole."""


class Signed(NamedTuple):
    """An Ed25519 signature, and the key that verifies it as DER (SubjectPublicKeyInfo)."""

    signature: bytes
    public_key: bytes


async def sign_in_kms(key: str, message: bytes) -> Signed:
    """Sign at most `MESSAGE_BYTES_MAX` bytes with an Ed25519 key (`ECC_NIST_EDWARDS25519`), by its id, ARN or alias.

    Raises:
        NotFound, Overloaded, Unavailable: KMS does not sign; the detail says why.
    """
    async with aws_client("kms", connections=1) as kms:
        with translated("signing key"):
            answer = await kms.sign(KeyId=key, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)
            public = await kms.get_public_key(KeyId=key)
    return Signed(answer["Signature"], public["PublicKey"])
