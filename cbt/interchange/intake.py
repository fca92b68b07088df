"""Intake of a file by a reader in its child; pictures and sounds are made anew and named in its texts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.interchange import picture_marks
from cbt.interchange.markdown import PICTURE
from cbt.interchange.picture_marks import PictureMarks
from cbt.interchange.raw_items import LONGEST_WORDS, MEDIUM, MOST_MEDIA, RawReading
from cbt.items import media_store
from cbt.items.draft import ItemDraft, Reading
from cbt.items.media import NO_WORDS, NO_WORDS_SOUND, NewMedium, digest_of, is_sound, replaced
from cbt.media.intake import redraw
from cbt.spreadsheets.findings import Finding, Place, Severity

MOST = MOST_MEDIA
"""Pictures and sounds of one file that are drawn or copied."""
_GONE = "［图］"
MARKED = re.compile(MEDIUM.format("([0-9]{1,4})", f"([^\ufdd0-\ufdd2]{{0,{LONGEST_WORDS}}})"))
_SHOWN = re.compile(f"[{picture_marks.RANGE}]")


class Album:
    """The pictures and sounds of one file, by the names they will be kept under."""

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        """Take them in, each content once."""
        distinct = list(dict.fromkeys(bodies))[:MOST]
        pairs = zip(distinct, media_store.take_in_all(distinct), strict=True)
        self._known = {body: taken for body, taken in pairs if taken is not None}
        self.media = dict[str, NewMedium]()

    def placed(self, draft: ItemDraft, pictures: Mapping[str, bytes], findings: list[Finding]) -> ItemDraft:
        """Return an item whose texts name its pictures; one that is none is remarked on."""
        if not pictures:
            return draft

        def name(match: re.Match[str]) -> str:
            taken = self._known.get(pictures.get(match[1], b""))
            if taken is None:
                findings.append(draft.find(Severity.HINT, PICTURE, "stem", match[2] or NO_WORDS))
                return f"［图：{match[2]}］" if match[2] else _GONE
            self.media[taken.name] = taken
            words = match[2] or (NO_WORDS_SOUND if is_sound(taken.name) else NO_WORDS)
            return f"![{words}](media:{taken.name})"

        return draft.with_data(replaced(draft.data, MARKED, name))


def bodies_named(data: Any, pictures: Mapping[str, bytes]) -> Iterator[bytes]:
    for text in picture_marks.texts_in(data) if pictures else ():
        yield from (pictures[found[1]] for found in MARKED.finditer(text) if found[1] in pictures)


def with_pictures(reading: Reading, shown: PictureMarks) -> Reading:
    """Return a reading in whose texts pictures stood as one character each, with these named as they are kept."""
    if not shown.marks:
        return reading

    def mark_text(match: re.Match[str]) -> str:
        number = picture_marks.number_of(match[0])
        return shown.marks[number] if number < len(shown.marks) else ""

    drafts = [draft.with_data(replaced(draft.data, _SHOWN, mark_text)) for draft in reading.items]
    album = Album(body for draft in drafts for body in bodies_named(draft.data, shown.bodies))
    findings: list[Finding] = []
    items = [album.placed(draft, shown.bodies, findings) for draft in drafts]
    return replace(
        reading,
        items=items,
        findings=[*map(_told, reading.findings), *findings],
        media={**reading.media, **album.media},
    )


def _told(finding: Finding) -> Finding:
    """Return a finding in whose words pictures are told."""
    if not any(
        map(picture_marks.has_mark, (finding.value, finding.item, *map(str, finding.params.values())))
    ):
        return finding
    params = {
        name: _SHOWN.sub(_GONE, one) if isinstance(one, str) else one for name, one in finding.params.items()
    }
    return replace(
        finding, value=_SHOWN.sub(_GONE, finding.value), item=_SHOWN.sub(_GONE, finding.item), params=params
    )


LIMITS = Limits()


def read(task: str, form: str, content: bytes, name: str) -> Reading:
    """Return what the reader `task` (module:function) makes of a file; raise what it refuses with.

    A file that asks for too much memory or time is refused with InvalidInput("bank.workbook_too_big").
    """
    try:
        answer = run(task, content, limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.workbook_too_big") from error
    return reading_of(msgspec.msgpack.decode(answer, type=RawReading), form, name)


def reading_of(raw: RawReading, form: str, name: str) -> Reading:
    """Return plain data of a child as a reading."""

    def place(file: str, line: int) -> Place:
        return Place(f"{name}/{file}" if file else name, line=line)

    drafts = [ItemDraft(one.ref, one.data, {"": place(one.file, one.line)}) for one in raw.items]
    labels = {(one.file, one.line): draft.label for one, draft in zip(raw.items, drafts, strict=True)}
    findings: list[Finding] = []
    items = []
    came: dict[str, str] = {}
    album = Album(body for one in raw.items for body in bodies_named(one.data, one.pictures))
    for draft, item in zip(drafts, raw.items, strict=True):
        shown = album.placed(draft, item.pictures, findings)
        if (drawn := _drawn(shown, item.pictures, findings, came)) is not None:
            items.append(drawn)
    for note in raw.notes:
        where = place(note.file, note.line)
        level = Severity.ERROR if note.blocks else Severity.HINT
        label = labels.get((note.file, note.line), str(where))
        findings.append(Finding(level, note.code, where, note.value, label, dict(note.params)))
    return Reading(form, name, items, findings, media=album.media, came=came)


def _drawn(
    draft: ItemDraft, pictures: Mapping[str, bytes], findings: list[Finding], came: dict[str, str]
) -> ItemDraft | None:
    """Return an item with its picture drawn anew in the place of its name, None where that cannot be.

    `came` learns what it was before.
    """
    name = draft.data.get("picture", "")
    if name not in pictures:
        return draft
    try:
        jpeg = redraw(pictures[name])
    except InvalidInput as error:
        large = error.code in {"photo.too_big", "photo.pixels"}
        code = "picture_large" if large else "picture_unreadable"
        findings.append(draft.find(Severity.ERROR, code, "picture", name))
        return None
    picture = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    came[picture] = digest_of(pictures[name])
    return draft.with_data({**draft.data, "picture": picture})
