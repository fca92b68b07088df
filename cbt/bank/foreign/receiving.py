"""The parent's side: a file goes to its reader in a child, and comes back as drafts and findings."""

from __future__ import annotations

import msgspec

from cbt.bank.foreign.raw import RawReading
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.confined.running import Exhausted, Limits, run
from cbt.errors import InvalidInput
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

    items = [ItemDraft(one.ref, one.data, {"": place(one.file, one.line)}) for one in raw.items]
    labels = {(one.file, one.line): draft.label for one, draft in zip(raw.items, items, strict=True)}
    findings = []
    for one in raw.notes:
        where = place(one.file, one.line)
        level = Severity.ERROR if one.blocks else Severity.HINT
        label = labels.get((one.file, one.line), str(where))
        findings.append(Finding(level, one.code, where, one.value, label, dict(one.params)))
    return Reading(form, name, items, findings)
