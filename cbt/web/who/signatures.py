"""Reads what a serializer of ours signed, at the price of one digest: for what every browser sends.

itsdangerous derives its key anew for each text it reads. Here it is derived once; a text whose signature is not
plainly right by it goes to the serializer, which says what is wrong with it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import Any

from itsdangerous import URLSafeTimedSerializer

SEPARATOR = b"."


class SignedTexts:
    """Reads the texts of one serializer, whatever their age."""

    def __init__(self, serializer: URLSafeTimedSerializer) -> None:
        self._serializer = serializer
        signer = serializer.make_signer(serializer.salt)
        self._key = signer.derive_key()
        self._digest: str = signer.digest_method().name

    def read(self, text: str) -> Any:
        """Return what was signed; raise BadSignature for what is not ours."""
        if text.isascii():
            signed, _, signature = text.encode().rpartition(SEPARATOR)
            mac = urlsafe_b64encode(hmac.digest(self._key, signed, self._digest)).rstrip(b"=")
            payload, found, _at = signed.rpartition(SEPARATOR)
            if found and hmac.compare_digest(mac, signature):
                return self._serializer.load_payload(payload)
        return self._serializer.loads(text)
