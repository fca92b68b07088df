"""The form of the item editor: from fields to content, and how it looks and what lint says meanwhile."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.bank.lint.check import check_items
from cbt.bank.review.fields import ORDER, DiffSpan, fields_of, spans
from cbt.errors import InvalidInput
from cbt.items.draft import ItemDraft
from cbt.items.finding_texts import note
from cbt.items.media import names_in
from cbt.items.media_store import missing
from cbt.items.models import Item, ItemVersion
from cbt.items.preview import KeyLines, key_lines, preview_paper
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.registry import AUTHORING, authoring_of
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import LETTERS, ItemContent, ItemType
from cbt.rules.items.inputs import number as inputs_number
from cbt.rules.items.registry import parse_content
from cbt.rules.items.short_answer import USUAL, one_break
from cbt.spreadsheets.findings import Finding, Note, Place, Severity

MOST_PARTS = 40
MOST_ROWS = 60
LONGEST = 40_000
"""Characters of one field: longer than anything a candidate could read."""
_BETWEEN = re.compile(r"[\s,，、;；]+")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_UNSAID = {
    "difficulty": "3", "consistency": "5", "decimals": "0", "tolerance": "0", "marks": "1", "limit": str(USUAL),
}  # fmt: skip
"""What holds where an author says nothing."""


class FormFields(Protocol):
    """The fields of a request."""

    def getlist(self, key: str) -> list[str]:
        """Return everything that was sent under a name."""


class SentFields:
    """The fields of one item, or with a prefix those of one part; its methods are those of `editor.Sent`."""

    def __init__(self, form: FormFields, prefix: str = "") -> None:
        self._form, self._prefix = form, prefix

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "").strip()

    def texts(self, name: str) -> list[str]:
        """Return the rows of a list; raise InvalidInput("editing.too_much") for more than a page sends."""
        rows = self._form.getlist(self._prefix + name)
        if len(rows) > MOST_ROWS or any(len(text) > LONGEST for text in rows):
            raise InvalidInput("editing.too_much", field=self._prefix + name, most=LONGEST, rows=MOST_ROWS)
        return [one_break(text) for text in rows]

    def lines(self, name: str) -> list[str]:
        return [line.strip() for line in self.text(name).split("\n") if line.strip()]

    def marked(self, name: str) -> list[int]:
        return sorted({int(place) for place in self.texts(name) if _NUMBER.fullmatch(place)})

    def number(self, name: str) -> int | str:
        text = self.text(name)
        return int(text) if _NUMBER.fullmatch(text) else text

    def parts(self) -> list[dict[str, Any]]:
        """Return the parts of a case."""
        if self._form.getlist(f"{self._prefix}parts.{MOST_PARTS + 1}.type"):
            raise InvalidInput("editing.too_much", field="parts", most=LONGEST, rows=MOST_PARTS)
        kinds = [self._form.getlist(f"{self._prefix}parts.{n}.type") for n in range(1, MOST_PARTS + 1)]
        return [
            _part(SentFields(self._form, f"{self._prefix}parts.{n}."), kind[0])
            for n, kind in enumerate(kinds, 1)
            if kind and kind[0] in AUTHORING and kind[0] != ItemType.CASE
        ]


def read_form(form: FormFields, kind: str) -> dict[str, Any]:
    """Return the content of an item of a type as its editor's form says it, without what is empty."""
    sent = SentFields(form)
    common = {
        "law": sent.text("law"),
        "enemies": [ref for ref in _BETWEEN.split(sent.text("enemies")) if ref],
    }
    return without_empty({**_common(sent, kind), **common, "consistency": sent.number("consistency")})


def _part(sent: SentFields, kind: str) -> dict[str, Any]:
    return without_empty({**_common(sent, kind), "points": sent.text("points")})


def _common(sent: SentFields, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "point": sent.text("point"),
        "difficulty": sent.number("difficulty"),
        "stem": sent.text("stem"),
        "explanation": sent.text("explanation"),
        **AUTHORING[kind].from_form(sent),
    }


def without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content without the fields that say nothing; an answer that says no says something."""
    return {name: value for name, value in data.items() if not _is_empty(name, value)}


def _is_empty(name: str, value: Any) -> bool:
    return value is None or value in ("", []) or (value is False and name != "answer")


def blank_item(kind: str, *, point: str = "") -> dict[str, Any]:
    return {"type": kind, "point": point, "difficulty": 3, "consistency": 5, **AUTHORING[kind].blank()}


def blank_part(kind: str, *, point: str) -> dict[str, Any]:
    return {"type": kind, "point": point, "difficulty": 3, "points": "", **AUTHORING[kind].blank()}


def says_the_same(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two contents mean the same, however numbers and empty fields are written in them."""
    return canonical_json(_plain(first)) == canonical_json(_plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _plain(one) for name, one in value.items() if not _is_empty(name, one)}
        return {name: one for name, one in kept.items() if _UNSAID.get(name) != one}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool) else str(value).strip()


_PART = re.compile(r"part\.(up|down|remove)\.(\d{1,2})")


def changed_parts(data: dict[str, Any], piece: str, kind: str) -> tuple[dict[str, Any], int]:
    """Return a case with a part added, moved or taken out, and the number of the part to go to."""
    parts = list(data.get("parts", ()))
    room = len(parts) < MOST_PARTS
    if piece == "part.add" and room and kind in AUTHORING and kind != ItemType.CASE:
        parts.append(blank_part(kind, point=str(data.get("point", ""))))
        return {**data, "parts": parts}, len(parts)
    match = _PART.fullmatch(piece)
    place = int(match[2]) - 1 if match else -1
    if match is None or not 0 <= place < len(parts):
        return data, 0
    part = parts.pop(place)
    if match[1] != "remove":
        place = max(0, place - 1) if match[1] == "up" else min(len(parts), place + 1)
        parts.insert(place, part)
    return {**data, "parts": parts}, min(place + 1, len(parts))


Content = Mapping[str, Any]
TOGETHER = ("choices", "answer", "fixed_order")
"""A key is letters of choices: neither makes sense with the other's."""


@dataclass(frozen=True, slots=True)
class BothSides:
    """One thing in which two contents differ: `name` is its field, `parts.2.stem` in a part of a case.

    `both` says that both changed it since they began, else `theirs_only` who did.
    """

    name: str
    both: bool
    theirs_only: bool
    mine: list[DiffSpan]
    theirs: list[DiffSpan]


def pieces(base: Content, mine: Content, theirs: Content) -> list[BothSides]:
    """Return what differs between two contents that were both begun from `base`."""
    sides = []
    alike = _alike(base, mine, theirs)
    parted = {name: _split(one, alike) for name, one in (("base", base), ("mine", mine), ("theirs", theirs))}
    for name in sorted({*parted["theirs"], *parted["mine"]}, key=_place):
        was, own, other = (parted[who].get(name, {}) for who in ("base", "mine", "theirs"))
        if says_the_same(own, other):
            continue
        i_did, they_did = not says_the_same(was, own), not says_the_same(was, other)
        before = _text(was)
        piece = BothSides(
            name=name,
            both=i_did and they_did,
            theirs_only=they_did and not i_did,
            mine=spans(before, _text(own)),
            theirs=spans(before, _text(other)),
        )
        sides.append(piece)
    return sides


def merged(base: Content, mine: Content, theirs: Content, taken: Collection[str]) -> dict[str, Any]:
    """Return `mine` with the pieces named in `taken` as they are in `theirs`."""
    alike = _alike(base, mine, theirs)
    own, other = _split(mine, alike), _split(theirs, alike)
    for name in taken:
        own[name] = other.get(name, {})
    return _joined(own)


def _alike(*contents: Content) -> bool:
    """Return whether their parts are the same ones, so that they can be held against each other one by one."""
    kinds = [[part.get("type") for part in one.get("parts", ())] for one in contents]
    return all(found == kinds[0] for found in kinds)


def _split(content: Content, by_part: bool) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for name, value in content.items():
        if name == "parts" and by_part:
            for number, part in enumerate(value, 1):
                parts |= {f"parts.{number}.{one}": own for one, own in _split(part, by_part=False).items()}
        else:
            parts.setdefault(TOGETHER[0] if name in TOGETHER and "choices" in content else name, {})[name] = (
                value
            )
    return parts


def _joined(split: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    parts: dict[int, dict[str, Any]] = {}
    for name, values in split.items():
        head, number, rest = (*name.split(".", 2), "", "")[:3]
        if head == "parts" and rest:
            parts.setdefault(int(number), {}).update(values)
        else:
            data |= values
    if parts:
        data["parts"] = [without_empty(parts[number]) for number in sorted(parts)]
    return without_empty(data)


def _place(name: str) -> tuple[int, int, str]:
    """Return where a piece stands as a person reads an item: the parts of a case after what they share."""
    head, number, rest = (*name.split(".", 2), "", "")[:3]
    own = rest or head
    return int(number or 0), ORDER.index(own) if own in ORDER else len(ORDER), own


def _text(values: Mapping[str, Any]) -> str:
    """Return a piece as a person reads it: choices by their letters, and below them which is right."""
    fields = fields_of(canonical_json(dict(values)))
    if TOGETHER[0] not in values:
        return "\n".join(fields.values())
    choices = [f"{letter}　{text}" for letter, text in zip(LETTERS, values[TOGETHER[0]], strict=False)]
    return "\n".join([*choices, f"→ {values.get('answer', '')}"])


MOST_BESIDE = 200
"""Stems of one point that a new one is held against while it is typed; the whole bank is lint's affair."""
_EMPTY = frozenset({"unreadable", "point_missing", "point_unknown"})
_ORDER = (Severity.ERROR, Severity.HINT, Severity.FIXED)


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """An item put right, all that was found in it, and its content where nothing blocks it."""

    data: dict[str, Any]
    findings: list[Finding]
    content: ItemContent | None

    def count(self, severity: Severity) -> int:
        return sum(found.severity is severity for found in self.findings)


def judge(
    session: Session, bank_id: int, taxonomy: Taxonomy, ref: str, data: Mapping[str, Any]
) -> JudgedItem:
    """Return an item as lint leaves it, held against its bank as far as that takes no time."""
    draft = ItemDraft(ref, data, {})
    checked = check_items(
        [draft],
        taxonomy,
        where=Place(),
        known_refs=_known(session, bank_id, data.get("enemies", ())),
        beside=_beside(session, bank_id, ref, str(data.get("point", ""))),
        whole=False,
    )
    lost = list(_lost(session, draft))
    findings = [*(_missing(found) for found in checked.findings), *lost]
    if lost or not checked.items:
        return JudgedItem(dict(data), findings, None)
    done = dict(checked.items[0].data)
    return JudgedItem(done, findings, parse_content(done))


def _missing(finding: Finding) -> Finding:
    """A field that is empty is missing, and nobody is sent to another page for it."""
    return replace(finding, code="missing") if finding.code in _EMPTY and not finding.value else finding


def _lost(session: Session, draft: ItemDraft) -> Iterator[Finding]:
    """Yield the pictures and sounds that are not here: their text was brought from elsewhere."""
    named = names_in(draft.data)
    gone = missing(session, (name for _field, name in named)) if named else set()
    for field, name in named:
        if name in gone:
            yield draft.find(Severity.ERROR, "media_unknown", field, name)


def _known(session: Session, bank_id: int, refs: Iterable[str]) -> frozenset[str]:
    named = list(refs)
    return frozenset(session.scalars(select(Item.ref).where(Item.bank_id == bank_id, Item.ref.in_(named))))


def _beside(session: Session, bank_id: int, ref: str, point: str) -> dict[str, str]:
    """Return the stems of the other items of a point."""
    rows = session.execute(
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id, Item.point == point, Item.ref != ref, Item.type != ItemType.CASE)
        .order_by(Item.id)
        .limit(MOST_BESIDE)
    )
    return {other: str(json.loads(content).get("stem", "")) for other, content in rows}


@dataclass(frozen=True, slots=True)
class EditorPreview:
    """What stands beside the form: the paper as candidates have it (None: too little is there), key, notes."""

    paper: dict[str, Any] | None
    keys: list[KeyLines]
    notes: dict[str, list[Note]]
    errors: int
    hints: int


def seen(judged: JudgedItem, *, seed: str) -> EditorPreview:
    """Return what a page shows of a judged item, in the language of this request."""
    content = judged.content or drawn(judged.data)
    notes: defaultdict[str, list[Note]] = defaultdict(list)
    for finding in sorted(judged.findings, key=lambda one: _ORDER.index(one.severity)):
        notes[_field(str(finding.params.get("field", "")))].append(note(finding))
    return EditorPreview(
        paper=preview_paper(content, seed=seed) if content else None,
        keys=key_lines(judged.content) if judged.content else [],
        notes=dict(notes),
        errors=judged.count(Severity.ERROR),
        hints=judged.count(Severity.HINT),
    )


def _field(name: str) -> str:
    """Return the field of the form that a finding stands beside: that of a row is its list's."""
    head, dot, tail = name.rpartition(".")
    return head if dot and tail.isdigit() and not head.endswith("parts") and head != "parts" else name


def drawn(data: Mapping[str, Any]) -> ItemContent | None:
    """Return an unfinished item with something in the place of what is missing; None when that cannot be."""
    whole = _whole(data)
    if isinstance(data.get("parts"), list) or data.get("type") == ItemType.CASE:
        whole["parts"] = [{**_whole(part), "points": _worth(part)} for part in data.get("parts", ())]
    try:
        return parse_content(whole)
    except InvalidInput:
        return None


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    own = authoring_of(data.get("type")).stand_in(data)
    content = {"type": data.get("type"), "stem": str(data.get("stem") or "…")}
    return {**content, **own}


def _worth(part: Mapping[str, Any]) -> str:
    worth = inputs_number(part.get("points"))
    return f"{worth:f}" if worth is not None and worth > 0 else "1"
