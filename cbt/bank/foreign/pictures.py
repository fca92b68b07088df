"""The parent's side of pictures and sounds in a file: each is drawn or copied anew, and named in its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cbt.bank.foreign.markdown import PICTURE
from cbt.bank.foreign.raw import MEDIUM
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.media import keeping
from cbt.bank.media.taken import TakenIn
from cbt.errors import InvalidInput
from cbt.sheets.findings import Finding, Severity

MOST = 500
"""Pictures and sounds of one file: each is read by a child of its own."""
_MARK = re.compile(MEDIUM.format("([0-9]{1,4})", "([^\ufdd0-\ufdd2]{0,200})"))


class Album:
    """The pictures and sounds of one file, by the names they will be kept under."""

    def __init__(self) -> None:
        """Begin with none."""
        self.media: dict[str, TakenIn] = {}
        self._known: dict[bytes, str] = {}

    def placed(self, draft: ItemDraft, pictures: Mapping[str, bytes], findings: list[Finding]) -> ItemDraft:
        """Return an item whose texts name its pictures; one that is none is remarked on."""
        if not pictures:
            return draft

        def name(found: re.Match[str]) -> str:
            body = pictures.get(found[1])
            known = self._taken(body) if body is not None else ""
            if known:
                return f"![{found[2]}](media:{known})"
            findings.append(draft.find(Severity.HINT, PICTURE, "stem", found[2]))
            return f"［图：{found[2]}］" if found[2] else "［图］"

        return draft.with_data(_replaced(draft.data, name))

    def _taken(self, body: bytes) -> str:
        """Return the name of what was taken in, "" for what is no picture and no sound of ours."""
        if body not in self._known:
            if len(self._known) >= MOST:
                return ""
            try:
                taken = keeping.take_in(body)
            except InvalidInput:
                self._known[body] = ""
            else:
                self._known[body] = taken.name
                self.media[taken.name] = taken
        return self._known[body]


def _replaced(value: Any, name: Any) -> Any:
    if isinstance(value, str):
        return _MARK.sub(name, value)
    if isinstance(value, list):
        return [_replaced(one, name) for one in value]
    if isinstance(value, Mapping):
        return {key: _replaced(one, name) for key, one in value.items()}
    return value
