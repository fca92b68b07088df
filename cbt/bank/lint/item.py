"""Checks of one item: 错误 that block it, and 提示 about how it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.imports.findings import Finding, Severity
from cbt.bank.lint.arithmetic import evaluate
from cbt.bank.lint.words import BLANK, is_emphasised, is_negative, normal
from cbt.bank.taxonomy import Taxonomy
from cbt.errors import InvalidInput
from cbt.rules.items.basis.authored import number
from cbt.rules.items.reading import parse_content
from cbt.rules.items.values import ItemType

_COMMON = {"type", "point", "difficulty", "consistency", "stem", "answer", "explanation", "enemies", "law"}
_KEYS: Mapping[str, set[str]] = {
    ItemType.TRUE_FALSE: _COMMON,
    ItemType.SINGLE_CHOICE: _COMMON | {"choices", "fixed_order"},
    ItemType.MULTIPLE_CHOICE: _COMMON | {"choices", "fixed_order"},
    ItemType.FILL_BLANK: _COMMON | {"word_bank"},
    ItemType.NUMERIC: _COMMON | {"decimals", "tolerance", "compute"},
    ItemType.MATCHING: (_COMMON - {"answer"}) | {"pairs", "extra_options"},
    ItemType.ORDERING: (_COMMON - {"answer"}) | {"steps"},
    ItemType.CASE: (_COMMON - {"answer"}) | {"unit", "title", "stimulus", "parts"},
}
_ALL_OR_NONE = re.compile(r"(以上|上述)(都|均|全)?(选项)?(都|均|全)?(是|对|正确|不对|不是|错误|不正确|包括)")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PREDICATE = re.compile(
    r"[是为有应须需要可能会把被由让使将在以对与和按从于比像属含分做作看用给写说定出到得，、；]"
)
SHORTEST_STATEMENT = 8
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
    errors = list(_errors(draft, taxonomy))
    yield from errors
    if errors:
        return
    for prefix, data in draft.parts():
        yield from _reads_well(draft, prefix, data)


def _errors(draft: ItemDraft, taxonomy: Taxonomy) -> Iterator[Finding]:
    kind = draft.data.get("type")
    if draft.ref and not _REF.fullmatch(draft.ref):
        yield draft.find(Severity.ERROR, "ref", "ref", draft.ref)
    if kind == ItemType.SHORT_ANSWER:
        yield draft.find(Severity.ERROR, "type_unsupported", "type", kind)
        return
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
        if data.get("type") == ItemType.SHORT_ANSWER:
            yield draft.find(Severity.ERROR, "type_unsupported", f"{prefix}type", data["type"])
        if data.get("type") == ItemType.NUMERIC and "compute" in data:
            yield from _computed(draft, prefix, data)


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
    return None if data.get("type") == ItemType.FILL_BLANK and field == "stem" else _SOUND.get(field)


def _keys(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    known = _KEYS.get(str(data.get("type")), _COMMON) | ({"points"} if prefix else set())
    for key in data:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            yield draft.find(Severity.ERROR, "key_unknown", prefix + key, key, near=near[0] if near else "—")


def _point(draft: ItemDraft, name: str, data: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[Finding]:
    code = str(data.get("point", ""))
    names = {point.code: point.name for point in taxonomy.points}
    if code in names:
        return
    near = get_close_matches(code, names, n=1, cutoff=0.7)
    if near:
        params = {"near": near[0], "near_name": names[near[0]]}
        yield draft.find(Severity.ERROR, "point_unknown_near", name, code, **params)
    else:
        yield draft.find(Severity.ERROR, "point_unknown", name, code)


def _computed(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    name, text = f"{prefix}compute", str(data["compute"])
    try:
        value = evaluate(text)
        computed = f"{float(value):.6g}"
    except (ValueError, ZeroDivisionError, OverflowError):
        yield draft.find(Severity.ERROR, "compute_unreadable", name, text)
        return
    answer, tolerance = number(data["answer"]), number(data.get("tolerance", 0))
    if answer is None or tolerance is None or abs(value - Fraction(answer)) > Fraction(tolerance):
        yield draft.find(
            Severity.ERROR, "compute_differs", name, text, computed=computed, answer=data["answer"]
        )


def _reads_well(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    kind, stem = data["type"], str(data["stem"])
    if not str(data.get("explanation", "")).strip():
        yield draft.find(Severity.HINT, "no_explanation", f"{prefix}explanation")
    if kind == ItemType.TRUE_FALSE:
        yield from _statement(draft, prefix, stem)
    if kind in (ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE):
        yield from _choices(draft, prefix, data)
        if stem.count(BLANK) != 1:
            yield draft.find(Severity.HINT, "one_blank", f"{prefix}stem", stem)
        if is_negative(stem) and not is_emphasised(stem):
            yield draft.find(Severity.HINT, "negative_plain", f"{prefix}stem", stem)
    if kind == ItemType.MATCHING and not data.get("extra_options"):
        yield draft.find(Severity.HINT, "no_extra_option", f"{prefix}extra_options")
    if kind == ItemType.ORDERING and not 4 <= len(data["steps"]) <= 6:
        yield draft.find(Severity.HINT, "steps_count", f"{prefix}steps", count=len(data["steps"]))


def _statement(draft: ItemDraft, prefix: str, stem: str) -> Iterator[Finding]:
    plain = normal(stem)
    if stem.endswith(("？。", "?。")) or len(plain) < SHORTEST_STATEMENT or not _PREDICATE.search(stem):
        yield draft.find(Severity.HINT, "no_statement", f"{prefix}stem", stem)
    if is_emphasised(stem):
        yield draft.find(Severity.HINT, "negative_statement", f"{prefix}stem", stem)


def _choices(draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    usual = (4,) if data["type"] == ItemType.SINGLE_CHOICE else (4, 5)
    texts = data["choices"]
    if len(texts) not in usual:
        said = "–".join(str(count) for count in (usual[0], usual[-1])[: len(usual)])
        yield draft.find(Severity.HINT, "choices_count", f"{prefix}choices", count=len(texts), usual=said)
    for n, text in enumerate(texts, 1):
        if _ALL_OR_NONE.search(text):
            yield draft.find(Severity.HINT, "all_or_none", f"{prefix}choices.{n}", text)


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
