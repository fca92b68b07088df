"""A bank as GIFT: each item with its id and what else GIFT has no place for in a comment before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

from cbt.bank.exports.proof import proven
from cbt.bank.foreign import questions
from cbt.bank.formats.gift.escapes import escaped
from cbt.bank.formats.gift.reading import MAPPINGS, gather
from cbt.bank.formats.outgoing import Carried, Carries, Export, OutForm
from cbt.bank.imports.drafts import ItemDraft

FACTS = ("point", "difficulty", "consistency", "law", "enemies")
_COMMON = frozenset({"stem", "explanation", *FACTS})
CARRIES: Carried = Carries(MAPPINGS, _COMMON)
_TAGGED = (*FACTS, "fixed_order", "decimals", "compute", "limit")
_BLANK = "{{1}}"


def write(export: Export, target: IO[bytes]) -> None:
    """Write every item that GIFT can hold, under the category of its point."""
    names = {point.code: point.name for point in export.taxonomy.points}
    last = ""
    for draft, text in proven(export, CARRIES, _written):
        point = str(draft.data.get("point", ""))
        if point != last:
            head = re.sub(r"[\s/]+", " ", f"{point} {names.get(point, '')}").strip()
            target.write(f"$CATEGORY: $course$/{head}\n\n".encode())
            last = point
        target.write(f"{text}\n\n".encode())


def _written(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    text = question(draft)
    found = gather(text).items if text else []
    return text, found[0].data if len(found) == 1 and found[0].ref == draft.ref else None


def question(draft: ItemDraft) -> str:
    """Return one item as GIFT, "" for one that has too many blanks."""
    data = draft.data
    before, after = str(data["stem"]), ""
    mapping = MAPPINGS[data["type"]]
    if mapping.gap:
        if before.count("{{") != 1:
            return ""
        before, _blank, after = before.partition(_BLANK)
    marks = [f"[id:{draft.ref}]", *(f"[tag:{_guarded(tag)}]" for tag in questions.tags_of(data, _TAGGED))]
    said = escaped(str(data.get("explanation", "")))
    answers = f"{{{mapping.answers(data)}{f'####{said}' if said else ''}}}"
    title = f"::{escaped(draft.ref)}::[markdown]"
    return f"// {' '.join(marks)}\n{title}{escaped(before)}{answers}{escaped(after)}"


def _guarded(tag: str) -> str:
    return tag.replace("\\", "\\\\").replace("]", "\\]")


FORM = OutForm("gift", ".gift", "text/plain", write, CARRIES)
