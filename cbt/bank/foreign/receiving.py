"""The parent's side: a file goes to its reader in a child, and comes back as drafts and findings."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from cbt.bank.foreign.pictures import Album, bodies_named
from cbt.bank.foreign.raw import RawReading
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.media.taken import digest_of
from cbt.confined.running import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.pictures.receiving import redraw
from cbt.sheets.findings import Finding, Place, Severity

LIMITS = Limits()


def read(task: str, form: str, content: bytes, name: str) -> Reading:
    """Return what the reader `task` (module:function) makes of a file; raise what it refuses with.

    A file that asks for too much memory or time is refused with InvalidInput("bank.workbook_too_big").
    """
    try:
        said = run(task, content, limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.workbook_too_big") from error
    return reading_of(msgspec.msgpack.decode(said, type=RawReading), form, name)


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
    for draft, one in zip(drafts, raw.items, strict=True):
        shown = album.placed(draft, one.pictures, findings)
        if (drawn := _drawn(shown, one.pictures, findings, came)) is not None:
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
