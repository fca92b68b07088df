"""Workbooks taken apart and put together wrongly, as an attacker or a broken program would."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping

SHEET = "xl/worksheets/sheet1.xml"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADERS = ("姓名", "证件类型", "证件号码", "级别", "科目")
PERSON = ("考生1", "身份证", "31010119710211011X", "三级", "理论知识")


def relations(*targets: tuple[str, str]) -> str:
    """Return a relationships part: (kind, target) each."""
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'


def inline(reference: str, text: str) -> str:
    """Return a cell that holds its own text."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def good_rows() -> str:
    """Return the two rows of a sound roster."""
    rows = (HEADERS, PERSON)
    return "".join(
        f'<row r="{number}">'
        + "".join(inline(f"{'ABCDE'[place]}{number}", text) for place, text in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def parts(more: str = "", *, target: str = "worksheets/sheet1.xml", sheet: str = SHEET) -> dict[str, bytes]:
    """Return the parts of a workbook: a sound roster and whatever `more` puts below it."""
    body = f'<worksheet xmlns="{_MAIN}"><sheetData>{good_rows()}{more}</sheetData></worksheet>'
    book = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>'
        '<sheet name="名册" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    return {
        "[Content_Types].xml": _TYPES.encode(),
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")).encode(),
        "xl/workbook.xml": book.encode(),
        "xl/_rels/workbook.xml.rels": relations(("worksheet", target)).encode(),
        sheet: body.encode(),
    }


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def workbook(more: str = "", **places: str) -> bytes:
    """Return a workbook as `parts` describes it."""
    return packed(parts(more, **places))


def doubled() -> bytes:
    """Return a workbook with two parts of one name: two readers would see two files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in parts().items():
            archive.writestr(name, body)
        with warnings.catch_warnings(action="ignore"):
            archive.writestr(SHEET, b"<worksheet/>")
    return buffer.getvalue()


def swollen(files: Mapping[str, bytes], name: str, swelling: tuple[bytes, bytes, int, bytes]) -> bytes:
    """Return a zip of parts with one more that is much larger than this file, and never there as a whole.

    `swelling` is how it begins, a piece, how often that is repeated, and how it ends.
    """
    head, piece, times, tail = swelling
    seal = 0
    for one in (head, *[piece] * times, tail):
        seal = zlib.crc32(one, seal)
    began, repeated, ended = (_deflated(one, zlib.Z_FULL_FLUSH) for one in (head, piece, b""))
    stream = began + repeated * times + ended + _deflated(tail, zlib.Z_FINISH)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, body in files.items():
            archive.writestr(other, body)
        entry = zipfile.ZipInfo(name)
        archive.writestr(entry, stream)  # as it is; from here on it is said to be packed
        entry.compress_type, entry.CRC = zipfile.ZIP_DEFLATED, seal
        entry.file_size = len(head) + len(piece) * times + len(tail)
        end = buffer.tell()
        buffer.seek(entry.header_offset)
        buffer.write(entry.FileHeader())
        buffer.seek(end)
    return buffer.getvalue()


def _deflated(body: bytes, flush: int) -> bytes:
    """Return a stretch of a deflate stream that looks back at nothing before it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush(flush)


def marked_encrypted(body: bytes) -> bytes:
    """Return a zip whose entries say that they are encrypted."""
    changed = bytearray(body)
    for mark, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = changed.find(mark)
        while at >= 0:
            changed[at + flags] |= 1
            at = changed.find(mark, at + 4)
    return bytes(changed)


def broken_deflate(body: bytes, name: str = SHEET) -> bytes:
    """Return a zip in which the data of one entry are no deflate stream any more."""
    changed = bytearray(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        entry = archive.getinfo(name)
    start = entry.header_offset + 30 + len(entry.filename.encode())
    changed[start : start + entry.compress_size] = b"\xff" * entry.compress_size
    return bytes(changed)


def lying(body: bytes, name: str, size: int) -> bytes:
    """Return a zip whose directory says another unpacked size of one entry."""
    changed = bytearray(body)
    at = changed.find(b"PK\x01\x02")
    while at >= 0:
        length = struct.unpack_from("<H", changed, at + 28)[0]
        if changed[at + 46 : at + 46 + length] == name.encode():
            struct.pack_into("<I", changed, at + 24, size)
        at = changed.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *extra: bytes, depth: int = 8, kind: int = 2) -> bytes:
    """Return a PNG that says it has this size, with other chunks before its data; the data are small."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress((b"\0" + b"\1" * min(width, 400) * 3) * min(height, 400)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + chunk(b"IEND", b"")
