"""Whether an item comes in again as it went out: each form is held against what its own reader makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cbt.bank.formats.outgoing import Carried, Export, LeftBehind
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.rich import to_html
from cbt.bank.media.references import names_in
from cbt.rules.items.basis.authored import number

USUAL: Mapping[str, object] = {
    "difficulty": 3,
    "consistency": 5,
    "explanation": "",
    "law": "",
    "point": "",
    "enemies": [],
    "fixed_order": False,
    "word_bank": [],
    "extra_options": [],
    "tolerance": "0",
    "decimals": 0,
    "limit": 500,
    "rubric": [],
    "marks": 1,
    "compute": "",
    "stem": "",
}
"""What a field says when it is not there."""
NUMBERS = frozenset({"tolerance", "points"})
MARKUP = "markup"
"""Stands for texts that show the same and are marked otherwise: `__x__` for `**x**`."""
MEDIA = "media"
_BESIDE = frozenset(
    {"point", "difficulty", "consistency", "explanation", "law", "enemies", "fixed_order", "word_bank"}
    | {"decimals", "limit", "rubric", "compute", "spots", "marks", "alt", "points", "unit", "title"}
)
"""Fields an item can do without: the others are what it asks and what is right."""
_SIDE_ANSWERS = frozenset({"short_answer"})
"""Types whose answer is a help for people."""

Back = Callable[[ItemDraft], "Mapping[str, Any] | None"]


def proven(
    export: Export,
    carries: Carried,
    written: Callable[[ItemDraft], tuple[str, Mapping[str, Any] | None]],
    prepared: Callable[[ItemDraft], ItemDraft] = lambda draft: draft,
    *,
    media: bool = False,
) -> Iterator[tuple[ItemDraft, str]]:
    """Yield each item a form can hold with its text; what is left behind is listed in the export.

    `written` returns the text of an item and the content its reader makes of that, None when it is none. Pictures
    and sounds stay: `prepared` says what stands in their places, else they are named as in our own texts. Where
    they go along (`media`), those stay that `prepared` leaves out.
    """
    for whole in export.items:
        kind = str(whole.data.get("type"))
        draft = prepared(whole)
        text, back = written(draft) if kind in carries else ("", None)
        lost = differing(draft.data, back) if back is not None else None
        if lost is None:
            export.left.append(LeftBehind(draft.ref, kind))
            continue
        named = Counter(names_in(whole.data))
        lost += [MEDIA] if (named - Counter(names_in(draft.data)) if media else named) else []
        if lost:
            export.left.append(LeftBehind(draft.ref, kind, tuple(lost)))
        export.written += 1
        yield draft, text


def uncarried(data: Mapping[str, Any], carries: Carried, *, media: bool = False) -> list[str] | None:
    """Return the fields of an item that a form has no place for, None when it has none for its type.

    `media` says that pictures and sounds go along.
    """
    kind = str(data.get("type"))
    if kind not in carries:
        return None
    parts = [part for part in data.get("parts", ()) if isinstance(part, Mapping)]
    inner = [uncarried(part, carries, media=media) for part in parts]
    if any(one is None for one in inner):
        return None
    lost = [name for name in _said(data) if name not in carries[kind] | {"type", "parts"}]
    lost += [MEDIA] if names_in(data) and not media else []
    return sorted({*lost, *(name for one in inner for name in one or ())} - {"points"})


def differing(data: Mapping[str, Any], back: Mapping[str, Any]) -> list[str] | None:
    """Return the fields in which an item came back otherwise, None when it asks something else."""
    mine, its = _said(data), _said(back)
    lost: list[str] = []
    for name in sorted(mine.keys() | its.keys()):
        if name == "parts":
            found = _parts(mine.get(name, []), its.get(name, []))
            if found is None:
                return None
            lost += found
        elif not _same(name, mine.get(name), its.get(name)):
            if _shows_the_same(mine.get(name), its.get(name)):
                lost.append(MARKUP)
            elif name in _BESIDE or (name == "answer" and data.get("type") in _SIDE_ANSWERS):
                lost.append(name)
            else:
                return None
    return sorted(set(lost))


def _parts(mine: Sequence[Any], its: Sequence[Any]) -> list[str] | None:
    if len(mine) != len(its):
        return None
    found = [differing(one, two) for one, two in zip(mine, its, strict=True)]
    return None if any(one is None for one in found) else [name for one in found for name in one or ()]


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say something other than nothing."""
    return {name: value for name, value in data.items() if not is_usual(name, value)}


def is_usual(name: str, value: object) -> bool:
    """Return whether a field says no more than if it were not there."""
    return value is None or (name in USUAL and _same(name, _listed(value), USUAL[name]))


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _same(name: str, mine: object, its: object) -> bool:
    if mine == its:
        return True
    if name in NUMBERS or name == "answer":
        one, two = number(mine), number(its)
        return one is not None and one == two
    return False


def _shows_the_same(mine: object, its: object) -> bool:
    """Return whether texts, or lists of them, look alike to whoever reads them."""
    if isinstance(mine, str) and isinstance(its, str):
        return to_html(mine) == to_html(its)
    if isinstance(mine, list) and isinstance(its, list) and len(mine) == len(its):
        return all(_shows_the_same(one, two) for one, two in zip(mine, its, strict=True))
    return False
