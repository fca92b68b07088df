"""Checks of one item: 错误 that block it, and 提示 about how it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import authoring_of
from cbt.bank.lint.marks import check_marks
from cbt.bank.taxonomy import Taxonomy
from cbt.errors import InvalidInput
from cbt.rules.items.basis.authored import COMMON
from cbt.rules.items.reading import parse_content
from cbt.rules.items.registry import TYPES
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Severity

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SOUND: Mapping[str, Any] = {
    "difficulty": 3,
    "consistency": 5,
    "explanation": "",
    "law": "",
    "enemies": (),
    "stem": "{{1}}",
    "title": "-",
    "stimulus": "-",
    "unit": 1,
}
_PART: Mapping[str, Any] = {"type": "true_false", "stem": "-", "answer": True, "points": 1}
"""Stand-ins that let the faults after the first one be found in the same reading."""


def check_item(draft: ItemDraft, taxonomy: Taxonomy) -> Iterator[Finding]:
    """Yield what is wrong with one item and what could read better."""
    marks = list(check_marks(draft))
    errors = [*_errors(draft, taxonomy), *(found for found in marks if found.severity is Severity.ERROR)]
    yield from errors
    yield from (found for found in marks if found.severity is not Severity.ERROR)
    if errors:
        return
    for prefix, data in draft.parts():
        yield from _reads_well(draft, prefix, data)


def _errors(draft: ItemDraft, taxonomy: Taxonomy) -> Iterator[Finding]:
    kind = draft.data.get("type")
    if draft.ref and not _REF.fullmatch(draft.ref):
        yield draft.find(Severity.ERROR, "ref", "ref", draft.ref)
    if refused := list(_refusals(draft.data)):
        for code, name in refused:
            yield draft.find(Severity.ERROR, code, name, _value(draft.data, name))
        yield from _point(draft, "point", draft.data, taxonomy)
        return
    if kind == ItemType.CASE:
        yield from _keys(draft, "", draft.data)
        yield from _point(draft, "point", draft.data, taxonomy)
    for prefix, data in draft.parts():
        yield from _keys(draft, prefix, data)
        yield from _point(draft, f"{prefix}point", data, taxonomy)
        yield from authoring_of(data.get("type")).errors(draft, prefix, data)


def _refusals(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield code and field of each fault of a content: what is refused is put right, and the rest read on."""
    given, mended = dict(data), set()
    while True:
        try:
            parse_content(given)
        except InvalidInput as error:
            name = str(error.params["field"])
            yield error.code.removeprefix("item."), name
            field = name.split(".")[0]
            sound = _sound(given, name)
            if sound is None or name in mended:
                return
            given[field] = sound
            mended.add(name)
        else:
            return


def _sound(data: Mapping[str, Any], name: str) -> Any:
    """Return what the refused field could have been; None when the rest cannot be judged without it."""
    field, _dot, inner = name.partition(".")
    value = data.get(field)
    if field == "parts" and isinstance(value, list) and inner:
        place = int(inner.split(".")[0]) - 1
        return [*value[:place], _PART, *value[place + 1 :]]
    if field == "choices" and isinstance(value, list) and len(value) > 1:
        return [str(number) for number in range(len(value))]
    return None if field == "stem" and authoring_of(data.get("type")).stem_decides else _SOUND.get(field)


def _keys(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    kind = TYPES.get(str(data.get("type")))
    known = (kind.fields if kind else COMMON | {"answer"}) | ({"points"} if prefix else set())
    for key in data:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            yield draft.find(Severity.ERROR, "key_unknown", prefix + key, key, near=near[0] if near else "—")


def _point(draft: ItemDraft, name: str, data: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[Finding]:
    code = str(data.get("point", ""))
    names = {point.code: point.name for point in taxonomy.points}
    if code in names:
        return
    if not code.strip():
        yield draft.find(Severity.ERROR, "point_missing", name)
        return
    near = get_close_matches(code, names, n=1, cutoff=0.7)
    if near:
        params = {"near": near[0], "near_name": names[near[0]]}
        yield draft.find(Severity.ERROR, "point_unknown_near", name, code, **params)
    else:
        yield draft.find(Severity.ERROR, "point_unknown", name, code)


def _reads_well(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    if not str(data.get("explanation", "")).strip():
        yield draft.find(Severity.HINT, "no_explanation", f"{prefix}explanation")
    yield from authoring_of(data.get("type")).hints(draft, prefix, data)


def _value(data: Mapping[str, Any], name: str) -> object:
    """What stands in a field such as `parts.2.answer`; "" when nothing does."""
    found: Any = data
    for step in name.split("."):
        if isinstance(found, list) and step.isdigit() and 0 < int(step) <= len(found):
            found = found[int(step) - 1]
        elif isinstance(found, Mapping):
            found = found.get(step, "")
        else:
            return ""
    return found
