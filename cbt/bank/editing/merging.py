"""Two people's words for one item, piece by piece: what either changed since they began, and the two made one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cbt.bank.desk.fields import ORDER, DiffSpan, fields_of, spans
from cbt.bank.editing.form import says_the_same, without_empty
from cbt.rules.canonical import canonical_json
from cbt.rules.items.values import LETTERS

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
    found = []
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
        found.append(piece)
    return found


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
    found: dict[str, dict[str, Any]] = {}
    for name, value in content.items():
        if name == "parts" and by_part:
            for number, part in enumerate(value, 1):
                found |= {f"parts.{number}.{one}": own for one, own in _split(part, by_part=False).items()}
        else:
            found.setdefault(TOGETHER[0] if name in TOGETHER and "choices" in content else name, {})[name] = (
                value
            )
    return found


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
    said = fields_of(canonical_json(dict(values)))
    if TOGETHER[0] not in values:
        return "\n".join(said.values())
    choices = [f"{letter}　{text}" for letter, text in zip(LETTERS, values[TOGETHER[0]], strict=False)]
    return "\n".join([*choices, f"→ {values.get('answer', '')}"])
