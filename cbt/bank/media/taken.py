"""A picture or a sound between its coming in and its being kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cbt.bank.media.references import ENDINGS

NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A picture or a sound that was drawn or copied anew, and not stored yet.

    `came` is what a picture would be called by if it were kept as it came: it is one of ours that went out where
    that is kept already, and drawn anew it would be another.
    """

    mimetype: str
    body: bytes
    width: int = 0
    height: int = 0
    seconds: int = 0
    came: str = ""

    @property
    def name(self) -> str:
        """What it is called by: the head of its digest, and for a sound its ending."""
        return digest_of(self.body) + ENDINGS.get(self.mimetype, "")


def digest_of(body: bytes) -> str:
    """Return the head of the digest of a content."""
    return hashlib.sha256(body).hexdigest()[:NAME_LENGTH]
