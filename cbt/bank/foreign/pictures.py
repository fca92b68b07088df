"""The parent's side of pictures and sounds in a file: each is drawn or copied anew, and named in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cbt.bank.foreign import marks
from cbt.bank.foreign.markdown import PICTURE
from cbt.bank.foreign.marks import Shown
from cbt.bank.foreign.raw import LONGEST_WORDS, MEDIUM, MOST_MEDIA
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.media import keeping
from cbt.bank.media.references import NO_WORDS, NO_WORDS_SOUND, is_sound, replaced
from cbt.bank.media.taken import TakenIn
from cbt.sheets.findings import Finding, Severity

MOST = MOST_MEDIA
"""Pictures and sounds of one file that are drawn or copied."""
_GONE = "［图］"
MARKED = re.compile(MEDIUM.format("([0-9]{1,4})", f"([^\ufdd0-\ufdd2]{{0,{LONGEST_WORDS}}})"))
_SHOWN = re.compile(f"[{marks.RANGE}]")


class Album:
    """The pictures and sounds of one file, by the names they will be kept under."""

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        """Take them in, each content once."""
        distinct = list(dict.fromkeys(bodies))[:MOST]
        found = zip(distinct, keeping.take_in_all(distinct), strict=True)
        self._known = {body: taken for body, taken in found if taken is not None}
        self.media = dict[str, TakenIn]()

    def placed(self, draft: ItemDraft, pictures: Mapping[str, bytes], findings: list[Finding]) -> ItemDraft:
        """Return an item whose texts name its pictures; one that is none is remarked on."""
        if not pictures:
            return draft

        def name(found: re.Match[str]) -> str:
            taken = self._known.get(pictures.get(found[1], b""))
            if taken is None:
                findings.append(draft.find(Severity.HINT, PICTURE, "stem", found[2] or NO_WORDS))
                return f"［图：{found[2]}］" if found[2] else _GONE
            self.media[taken.name] = taken
            words = found[2] or (NO_WORDS_SOUND if is_sound(taken.name) else NO_WORDS)
            return f"![{words}](media:{taken.name})"

        return draft.with_data(replaced(draft.data, MARKED, name))


def bodies_named(data: Any, pictures: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield the pictures and sounds that the texts of an item name."""
    for text in marks.texts_in(data) if pictures else ():
        yield from (pictures[found[1]] for found in MARKED.finditer(text) if found[1] in pictures)


def with_pictures(found: Reading, shown: Shown) -> Reading:
    """Return a reading in whose texts pictures stood as one character each, with these named as they are kept."""
    if not shown.marks:
        return found

    def said(one: re.Match[str]) -> str:
        number = marks.number_of(one[0])
        return shown.marks[number] if number < len(shown.marks) else ""

    drafts = [draft.with_data(replaced(draft.data, _SHOWN, said)) for draft in found.items]
    album = Album(body for draft in drafts for body in bodies_named(draft.data, shown.bodies))
    told: list[Finding] = []
    items = [album.placed(draft, shown.bodies, told) for draft in drafts]
    return replace(
        found,
        items=items,
        findings=[*map(_told, found.findings), *told],
        media={**found.media, **album.media},
    )


def _told(found: Finding) -> Finding:
    """Return a finding in whose words pictures are told."""
    if not any(map(marks.has_mark, (found.value, found.item, *map(str, found.params.values())))):
        return found
    params = {
        name: _SHOWN.sub(_GONE, one) if isinstance(one, str) else one for name, one in found.params.items()
    }
    return replace(
        found, value=_SHOWN.sub(_GONE, found.value), item=_SHOWN.sub(_GONE, found.item), params=params
    )
