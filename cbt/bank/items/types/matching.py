"""匹配, as an author meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.authoring import Authoring
from cbt.sheets.findings import Finding, Severity


class MatchingAuthoring(Authoring):
    """The pairs are the key, and an option that belongs to nothing keeps the last pair from being given away."""

    key_field: ClassVar = "pairs"

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield a lack of extra options."""
        if not data.get("extra_options"):
            yield draft.find(Severity.HINT, "no_extra_option", f"{prefix}extra_options")
