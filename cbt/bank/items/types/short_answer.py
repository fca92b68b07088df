"""简答, as an author meets it."""

from __future__ import annotations

from typing import ClassVar

from cbt.bank.items.types.authoring import Authoring


class ShortAnswerAuthoring(Authoring):
    """Not kept: people would have to mark it."""

    kept: ClassVar = False
