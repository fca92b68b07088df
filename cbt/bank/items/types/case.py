"""案例, as an author meets it: each part is met as its own type, the whole in `lint.case`."""

from __future__ import annotations

from cbt.bank.items.types.authoring import Authoring


class CaseAuthoring(Authoring):
    """Written in the text form only."""
