"""A picture or a sound between its coming in and its being kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cbt.bank.media.references import ENDINGS

NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A picture or a sound that was drawn or copied anew, and not stored yet."""

    mimetype: str
    body: bytes
    width: int = 0
    height: int = 0
    seconds: int = 0

    @property
    def name(self) -> str:
        """What it is called by: the head of its digest, and for a sound its ending."""
        return hashlib.sha256(self.body).hexdigest()[:NAME_LENGTH] + ENDINGS.get(self.mimetype, "")
