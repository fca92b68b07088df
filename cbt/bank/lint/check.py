"""The lint of items: small faults put right, and findings about each item, its media and the cases.

Checks come in the order in which an author meets them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from cbt.bank.lint.whole_bank import LintMemory, check_repeats, check_whole
from cbt.errors import InvalidInput
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import CJK
from cbt.items.formulas import fault_of
from cbt.items.markup import MOST_FORMULAS, formulas_in
from cbt.items.media import ANY_MARK, MARK, NO_WORDS, NO_WORDS_SOUND, SCHEME, texts_of
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.registry import authoring_of
from cbt.rules.items.content import ItemType
from cbt.rules.items.inputs import COMMON
from cbt.rules.items.registry import TYPES, parse_content
from cbt.spreadsheets.findings import Finding, Place, Severity

_DASHES = re.compile(r"\s*[-‐‑‒–—―−－一]+\s*")
_CODE = re.compile(r"([A-Z](?:-[A-Z])*)-(\d{1,3})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")
_FULL = {",": "，", ";": "；", ":": "：", "?": "？", "!": "！"}
_HALF_PUNCTUATION = re.compile(rf"(?<=[{CJK}”’）》])[,;:?!](?=\s*(?:[{CJK}“‘（《]|$))\s*")
_HALF_BRACKETS = re.compile(rf"\(([^()（）]*[{CJK}][^()（）]*)\)")
_FULL_ALNUM = re.compile(r"[０-９Ａ-Ｚａ-ｚ％．]+")

Fix = tuple[str, str, str, str]
"""What was put right: code, field, before, after."""


def tidy(draft: ItemDraft, taxonomy: Taxonomy) -> tuple[ItemDraft, list[Finding]]:
    """Return the item with its small faults put right, and one finding for each.

    Width of letters and punctuation, 。 at the end of a 判断, the blank （　　）, codes such as `B-C-A-14`,
    letters before choices and stops after them, characters nobody can see.
    """
    fixes: list[Fix] = []
    data = _tidied(draft.data, "", taxonomy, fixes)
    if isinstance(data.get("parts"), list):
        data["parts"] = [
            _tidied(part, f"parts.{n}.", taxonomy, fixes) if isinstance(part, Mapping) else part
            for n, part in enumerate(data["parts"], 1)
        ]
    findings = [
        draft.find(Severity.FIXED, code, name, before, after=after) for code, name, before, after in fixes
    ]
    return draft.with_data(data), findings


def point_code(text: str, taxonomy: Taxonomy) -> str:
    """Return a point's code as the 细目表 writes it: dashes, capitals and three digits put right."""
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    plain = _DASHES.sub("-", re.sub(r"\s+", "", plain)).strip("-")
    if match := _CODE.fullmatch(plain):
        return f"{match[1]}-{match[2]:0>3}"
    importances = taxonomy.importances
    if plain.isdigit() and plain not in importances:
        # A spreadsheet turns 0111 into 111.
        return next((code for code in importances if code.isdigit() and code.lstrip("0") == plain), plain)
    return plain


def _tidied(data: Mapping[str, Any], prefix: str, taxonomy: Taxonomy, fixes: list[Fix]) -> dict[str, Any]:
    done = dict(data)

    def put_right(code: str, name: str, change: Callable[[str], str]) -> None:
        before = done.get(name)
        if isinstance(before, str) and (after := change(before)) != before:
            done[name] = after
            fixes.append((code, prefix + name, before, after))
        elif isinstance(before, list) and all(isinstance(text, str) for text in before):
            done[name] = [change(text) for text in before]
            for n, (was, now) in enumerate(zip(before, done[name], strict=True), 1):
                if was != now:
                    fixes.append((code, f"{prefix}{name}.{n}", was, now))

    put_right("point_code", "point", lambda text: point_code(text, taxonomy))
    for name in ("stem", "choices", "steps", "explanation", "title", "word_bank", "extra_options"):
        put_right("unseen", name, _without_unseen)
        put_right("width", name, _widths)
    put_right("unseen", "stimulus", _without_unseen)
    authoring_of(data.get("type")).tidy(put_right)
    return done


def _without_unseen(text: str) -> str:
    return _CONTROL.sub("", text)


def _widths(text: str) -> str:
    text = _FULL_ALNUM.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _HALF_BRACKETS.sub(r"（\1）", text)
    return _HALF_PUNCTUATION.sub(lambda found: _FULL[found[0].strip()], text)


LONGEST_SHOWN = 40


def check_marks(draft: ItemDraft) -> Iterator[Finding]:
    """Yield formulas that are not understood, and pictures and sounds without words or without a name of ours."""
    for name, text in texts_of(draft.data):
        if "$" in text:
            yield from _formulas(draft, name, text)
        if "![" in text:
            yield from _media(draft, name, text)


def _formulas(draft: ItemDraft, name: str, text: str) -> Iterator[Finding]:
    sources = list(formulas_in(text))
    if len(sources) > MOST_FORMULAS:
        yield draft.find(Severity.ERROR, "formula_many", name, len(sources), most=MOST_FORMULAS)
    for source in sources:
        if fault := fault_of(source):
            shown = source if len(source) <= LONGEST_SHOWN else f"{source[:LONGEST_SHOWN]}…"
            yield draft.find(Severity.ERROR, f"formula_{fault.code}", name, shown, words=fault.words)


def _media(draft: ItemDraft, name: str, text: str) -> Iterator[Finding]:
    for mark in ANY_MARK.finditer(text):
        if not MARK.fullmatch(mark[0]):
            code = "media_name" if mark[2].startswith(SCHEME) else "media_elsewhere"
            severity = Severity.ERROR if code == "media_name" else Severity.HINT
            yield draft.find(severity, code, name, mark[2])
        elif not mark[1].strip():
            yield draft.find(Severity.ERROR, "media_alt", name, mark[2])
        elif mark[1].strip() in (NO_WORDS, NO_WORDS_SOUND):
            yield draft.find(Severity.HINT, "media_words", name, mark[1].strip())


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
    fields, mended = dict(data), set()
    while True:
        try:
            parse_content(fields)
        except InvalidInput as error:
            name = str(error.params["field"])
            yield error.code.removeprefix("item."), name
            field = name.split(".")[0]
            sound = _sound(fields, name)
            if sound is None or name in mended:
                return
            fields[field] = sound
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
    names = (kind.fields if kind else COMMON | {"answer"}) | ({"points"} if prefix else set())
    for key in data:
        if key not in names:
            near = get_close_matches(key, names, n=1)
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
    value: Any = data
    for step in name.split("."):
        if isinstance(value, list) and step.isdigit() and 0 < int(step) <= len(value):
            value = value[int(step) - 1]
        elif isinstance(value, Mapping):
            value = value.get(step, "")
        else:
            return ""
    return value


SHORT_UNIT = timedelta(minutes=10)
SHORT_STIMULUS, LONG_STIMULUS = 350, 600
LARGEST_SHARE = Fraction(35, 100)
FEWEST_TYPES = 4
MEAN_APART = Fraction(3, 10)
_RULE_LINE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What the blueprint gives a unit."""

    minutes: timedelta
    points: Decimal


def check_cases(drafts: Sequence[ItemDraft], units: Mapping[int, UnitPlan]) -> Iterator[Finding]:
    """Yield what does not hold among the cases; `units` may lack units when no blueprint is at hand."""
    by_unit: defaultdict[int, list[ItemDraft]] = defaultdict(list)
    for draft in drafts:
        if draft.data.get("type") == ItemType.CASE:
            by_unit[draft.data["unit"]].append(draft)
            yield from _case(draft, units.get(draft.data["unit"]))
    for own in by_unit.values():
        yield from _alike(own)


def stimulus_length(stimulus: str) -> int:
    """Return how many characters a candidate reads: no spaces, no lines and bars of tables."""
    return len(re.sub(r"[\s|　]", "", _RULE_LINE.sub("", stimulus)))


def _points(draft: ItemDraft) -> list[Decimal]:
    return [Decimal(str(part["points"])) for part in draft.data["parts"]]


def _case(draft: ItemDraft, plan: UnitPlan | None) -> Iterator[Finding]:
    points = _points(draft)
    total = plan.points if plan else sum(points, Decimal(0))
    if sum(points) != total:
        yield draft.find(Severity.ERROR, "case_points", "", draft.ref, sum=sum(points), points=total)
    for n, worth in enumerate(points, 1):
        if Fraction(worth) > LARGEST_SHARE * Fraction(total):
            yield draft.find(Severity.HINT, "part_share", f"parts.{n}.points", worth, total=total)
    kinds = {part["type"] for part in draft.data["parts"]}
    if len(kinds) < FEWEST_TYPES:
        yield draft.find(Severity.HINT, "case_types", "", draft.ref, count=len(kinds), least=FEWEST_TYPES)
    limit = SHORT_STIMULUS if plan and plan.minutes <= SHORT_UNIT else LONG_STIMULUS
    length = stimulus_length(draft.data["stimulus"])
    if length > limit:
        yield draft.find(Severity.HINT, "stimulus_long", "stimulus", draft.ref, length=length, limit=limit)


def _alike(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    first = drafts[0]
    for draft in drafts[1:]:
        if _plan(draft) != _plan(first):
            yield draft.find(Severity.HINT, "case_plan", "", draft.ref, other=first.ref)
    means = [(_mean(draft), draft) for draft in drafts]
    low, high = min(means, key=lambda pair: pair[0]), max(means, key=lambda pair: pair[0])
    if high[0] - low[0] > MEAN_APART:
        yield high[1].find(
            Severity.HINT,
            "case_difficulty",
            "",
            high[1].ref,
            mean=f"{float(high[0]):.1f}",
            other=low[1].ref,
            other_mean=f"{float(low[0]):.1f}",
        )


def _plan(draft: ItemDraft) -> list[tuple[Any, Decimal]]:
    return [(part["type"], worth) for part, worth in zip(draft.data["parts"], _points(draft), strict=True)]


def _mean(draft: ItemDraft) -> Fraction:
    parts = draft.data["parts"]
    return Fraction(sum(part.get("difficulty", 3) for part in parts), len(parts))


NO_UNITS: Mapping[int, UnitPlan] = {}
NOTHING: Mapping[str, str] = {}
TOLD_EVERY = 20
"""After so many items somebody hears how far the checks are."""


def untold(*_told: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class CheckedItems:
    """What lint says: the items that can be stored, put right, and all findings in the order of places."""

    items: list[ItemDraft]
    findings: list[Finding]


def check_items(
    drafts: Sequence[ItemDraft],
    taxonomy: Taxonomy,
    *,
    where: Place,
    units: Mapping[int, UnitPlan] = NO_UNITS,
    known_refs: frozenset[str] = frozenset(),
    beside: Mapping[str, str] = NOTHING,
    whole: bool = True,
    tell: Callable[[int], None] = untold,
    memory: LintMemory | None = None,
) -> CheckedItems:
    """Put right and check items together.

    `units` is what the blueprint gives each unit, `known_refs` are items of the bank that may be named as
    enemies, `beside` (label → stem) are stems that must not be repeated, `whole` asks for the checks that
    only make sense on a complete bank; `tell` hears how many items are done; what is in `memory` is not looked at
    again.
    """
    findings: list[Finding] = []
    sound: list[ItemDraft] = []
    seen: dict[str, ItemDraft] = {}
    for number, draft in enumerate(drafts):
        if number % TOLD_EVERY == 0:
            tell(number)
        done, own = _looked_at(draft, taxonomy, memory)
        remarks = [*own, *_repeated(done, seen)]
        findings += remarks
        if not _blocked(remarks):
            sound.append(done)
    sound = _without_blocked(sound, _known_enemies(sound, known_refs), findings)
    sound = _without_blocked(sound, list(check_cases(sound, units)), findings)
    findings += check_repeats(sound, beside, memory)
    if whole:
        findings += check_whole(sound, taxonomy, where)
    return CheckedItems(sound, sorted(findings, key=lambda found: found.place))


def _looked_at(
    draft: ItemDraft, taxonomy: Taxonomy, memory: LintMemory | None
) -> tuple[ItemDraft, list[Finding]]:
    """Return an item put right, and what is said of it by itself."""
    known = memory.remarks_of(draft) if memory is not None else None
    if known is not None:
        return known
    done, fixed = tidy(draft, taxonomy)
    remarks = [*fixed, *check_item(done, taxonomy)]
    if memory is not None:
        memory.keep(draft, done, remarks)
    return done, remarks


def _blocked(findings: Sequence[Finding]) -> bool:
    return any(found.severity is Severity.ERROR for found in findings)


def _repeated(draft: ItemDraft, seen: dict[str, ItemDraft]) -> list[Finding]:
    if not draft.ref:
        return []
    first = seen.setdefault(draft.ref, draft)
    if first is draft:
        return []
    return [draft.find(Severity.ERROR, "ref_repeated", "ref", draft.ref, other=str(first.place("")))]


def _known_enemies(drafts: Sequence[ItemDraft], known_refs: frozenset[str]) -> list[Finding]:
    refs = known_refs | {draft.ref for draft in drafts}
    return [
        draft.find(Severity.ERROR, "enemy_unknown", "enemies", enemy)
        for draft in drafts
        for enemy in draft.data.get("enemies", ())
        if enemy not in refs
    ]


def _without_blocked(
    drafts: list[ItemDraft], remarks: list[Finding], findings: list[Finding]
) -> list[ItemDraft]:
    findings += remarks
    stopped = {entry.item for entry in remarks if entry.severity is Severity.ERROR}
    return [draft for draft in drafts if draft.label not in stopped]
