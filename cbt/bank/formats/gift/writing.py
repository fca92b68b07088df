"""A bank as GIFT: each item with its id and what else GIFT has no place for in a comment before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import IO, Any

from cbt.bank.exports.proof import proven
from cbt.bank.foreign import questions
from cbt.bank.formats.gift.escapes import escaped
from cbt.bank.formats.gift.reading import gather
from cbt.bank.formats.outgoing import Carried, Export, OutForm
from cbt.bank.imports.drafts import ItemDraft

FACTS = ("point", "difficulty", "consistency", "law", "enemies")
_COMMON = frozenset({"stem", "explanation", *FACTS})
CARRIES: Carried = {
    "true_false": _COMMON | {"answer"},
    "single_choice": _COMMON | {"choices", "answer", "fixed_order"},
    "multiple_choice": _COMMON | {"choices", "answer", "fixed_order"},
    "fill_blank": _COMMON | {"answer"},
    "numeric": _COMMON | {"answer", "tolerance", "decimals", "compute"},
    "matching": _COMMON | {"pairs", "extra_options"},
    "short_answer": _COMMON | {"limit"},
}
_TAGGED = (*FACTS, "fixed_order", "decimals", "compute", "limit")
_STEP = Decimal("0.00001")
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
    if data["type"] in {"fill_blank", "numeric"}:
        if before.count("{{") != 1:
            return ""
        before, _blank, after = before.partition(_BLANK)
    marks = [f"[id:{draft.ref}]", *(f"[tag:{_guarded(tag)}]" for tag in questions.tags_of(data, _TAGGED))]
    said = escaped(str(data.get("explanation", "")))
    answers = f"{{{_answers(data)}{f'####{said}' if said else ''}}}"
    title = f"::{escaped(draft.ref)}::[markdown]"
    return f"// {' '.join(marks)}\n{title}{escaped(before)}{answers}{escaped(after)}"


def _answers(data: Mapping[str, Any]) -> str:
    match data["type"]:
        case "true_false":
            return "T" if data["answer"] else "F"
        case "single_choice":
            return _choices(data, "=", "~")
        case "multiple_choice":
            share = (Decimal(100) / len(data["answer"])).quantize(_STEP, ROUND_DOWN).normalize()
            return _choices(data, f"~%{share:f}%", "~%-100%")
        case "fill_blank":
            return "\n" + "\n".join(f"={_weighted(one, 100)}" for one in data["answer"][0]) + "\n"
        case "numeric":
            return f"#{data['answer']}:{data.get('tolerance', 0)}"
        case "matching":
            pairs = [*data["pairs"], *(["", one] for one in data.get("extra_options", ()))]
            return "\n" + "\n".join(f"={escaped(left)} -> {escaped(right)}" for left, right in pairs) + "\n"
        case _:
            return ""


def _choices(data: Mapping[str, Any], right: str, wrong: str) -> str:
    lines = []
    for letter, text in zip(questions.LETTERS, data["choices"], strict=False):
        mark = right if letter in data["answer"] else wrong
        said = escaped(text) if mark.endswith("%") else _weighted(text, 100 if mark == "=" else 0)
        lines.append(f"{mark}{said}")
    return "\n" + "\n".join(lines) + "\n"


def _weighted(text: str, share: int) -> str:
    """Return an answer's text; one that could be read as a weight has its own before it."""
    return f"%{share}%{escaped(text)}" if text.startswith("%") else escaped(text)


def _guarded(tag: str) -> str:
    return tag.replace("\\", "\\\\").replace("]", "\\]")


FORM = OutForm("gift", ".gift", "text/plain", write, CARRIES)
