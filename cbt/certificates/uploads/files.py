"""The file itself: written once, with everybody's number in full, and put on record (R-93)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

from cbt.audit.chain import record
from cbt.certificates.uploads.choosing import ChosenUpload, UploadChoice, chosen
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.sheets.writing import XLSX, add_sheet, new_workbook, text_format, to_csv, write_head, write_text

FORMS = ("xlsx", "utf8", "gbk")
_WIDTH = 20
_CSV = {"utf8": "text/csv; charset=utf-8", "gbk": "text/csv; charset=gbk"}


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file that goes out."""

    body: bytes
    mimetype: str
    name: str


def upload_file(
    choice: UploadChoice, *, form: str, blanks: bool, today: str, now: datetime, actor: str
) -> UploadFile:
    """Return the file of a choice; `blanks`: what is missing may stay empty.

    It is read and written before it is put on record: nobody's save waits for it.

    Raise InvalidInput("certificate_file.form"), Conflict("certificate_file.missing") where something is missing
    that may not, ("certificate_file.gbk") with characters that GBK does not have, and as `chosen` does.

    Source: R-93.
    """
    if form not in FORMS:
        raise InvalidInput("certificate_file.form", field="form")
    with reading() as session:
        found = chosen(session, choice)
    if found.missing and not blanks:
        raise Conflict("certificate_file.missing", count=sum(one.count for one in found.missing))
    body = _book(found) if form == "xlsx" else _csv(found, form)
    after: dict[str, object] = {"count": len(found.lines), "file": form}
    if choice.batch:
        after["batch"] = choice.batch
    else:
        after["issued_days"] = f"{choice.since} – {choice.until}"
    if found.missing:
        after["left_empty"] = sum(one.count for one in found.missing)
    subject = f"upload_mapping:{found.mapping.ref}"
    with unit_of_work() as session:
        record(session, at=now, actor=actor, act="certificate.upload", subject=subject, after=after)
    name = f"{found.mapping.name}-{today}.{'xlsx' if form == 'xlsx' else 'csv'}"
    return UploadFile(body, _CSV.get(form, XLSX), name)


def _rows(found: ChosenUpload) -> list[list[str]]:
    return [[cell or "" for cell in line.cells] for line in found.lines]


def _heads(found: ChosenUpload) -> list[str]:
    return [one.header for one in found.mapping.columns]


def _csv(found: ChosenUpload, form: str) -> bytes:
    body = to_csv([_heads(found), *_rows(found)])
    if form == "utf8":
        return body
    text = body.decode("utf-8-sig")
    try:
        return text.encode("gbk")
    except UnicodeEncodeError as error:
        unknown = sorted({sign for sign in text if not _in_gbk(sign)})
        raise Conflict("certificate_file.gbk", characters="、".join(unknown[:20])) from error


def _in_gbk(sign: str) -> bool:
    try:
        return bool(sign.encode("gbk"))
    except UnicodeEncodeError:
        return False


def _book(found: ChosenUpload) -> bytes:
    target = io.BytesIO()
    with new_workbook(target) as book:
        sheet = add_sheet(book, found.mapping.name)
        plain = text_format(book)
        write_head(book, sheet, [(head, _WIDTH, False) for head in _heads(found)], plain)
        for number, row in enumerate(_rows(found), 1):
            for place, cell in enumerate(row):
                write_text(sheet, number, place, cell, plain)
    return target.getvalue()
