"""A workbook of Excel 97 as bytes: numbers under a format, and texts, on one sheet."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SECTOR = 512
END, FREE, TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
Cell = str | tuple[float, str]


def xls(rows: Sequence[Sequence[Cell]]) -> bytes:
    """Return a workbook; a cell is a text, or a number and its format."""
    codes = list(dict.fromkeys(cell[1] for row in rows for cell in row if isinstance(cell, tuple)))
    return _container(_book(rows, codes))


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _wide(text: str, size: str) -> bytes:
    return struct.pack(f"<{size}B", len(text), 1) + text.encode("utf-16-le")


def _book(rows: Sequence[Sequence[Cell]], codes: Sequence[str]) -> bytes:
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 6))
    formats = b"".join(
        _record(0x041E, struct.pack("<H", 164 + n) + _wide(code, "H")) for n, code in enumerate(codes)
    )
    styles = [0, *(164 + n for n in range(len(codes)))]
    styled = b"".join(_record(0x00E0, struct.pack("<HH", 0, style) + bytes(16)) for style in styles)
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 6))
    sheet += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
    for row, line in enumerate(rows):
        for column, cell in enumerate(line):
            if isinstance(cell, tuple):
                style = 1 + codes.index(cell[1])
                sheet += _record(0x0203, struct.pack("<HHHd", row, column, style, cell[0]))
            elif cell:
                sheet += _record(0x0204, struct.pack("<HHH", row, column, 0) + _wide(cell, "H"))
    sheet += _record(0x000A)
    name = _wide("题", "B")
    offset = len(begin) + len(formats) + len(styled) + len(_record(0x0085, bytes(6) + name)) + 4
    bound = _record(0x0085, struct.pack("<IBB", offset, 0, 0) + name)
    book = begin + formats + styled + bound + _record(0x000A) + sheet
    return book + bytes(max(4096 - len(book), 0))


def deep_container(entries: int) -> bytes:
    """Return a container whose directory is one long chain of `entries` beside each other."""
    directory = _entry("Root Entry", 5, END, 0, child=1)
    directory += b"".join(_entry(f"{n}", 2, 0, 0, right=n + 1) for n in range(1, entries))
    directory += _entry(f"{entries}", 2, 0, 0)
    count = -(-len(directory) // SECTOR)
    tables = -(-count // 100)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    head += bytes(6) + struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, END, 0, END, 0)
    head += struct.pack("<109I", *range(tables), *[FREE] * (109 - tables))
    table = [TABLE] * tables + [*range(tables + 1, tables + count), END]
    table += [FREE] * (tables * SECTOR // 4 - len(table))
    return head + struct.pack(f"<{len(table)}I", *table) + directory + bytes(-len(directory) % SECTOR)


def _container(stream: bytes) -> bytes:
    count = -(-len(stream) // SECTOR)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    head += bytes(6) + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, END, 0, END, 0)
    head += struct.pack("<109I", 0, *[FREE] * 108)
    table = [TABLE, END, *range(3, 2 + count), END]
    table += [FREE] * (SECTOR // 4 - len(table))
    directory = _entry("Root Entry", 5, END, 0, child=1) + _entry("Workbook", 2, 2, len(stream)) + bytes(256)
    body = stream + bytes(count * SECTOR - len(stream))
    return head + struct.pack(f"<{SECTOR // 4}I", *table) + directory + body


def _entry(name: str, kind: int, sector: int, size: int, *, child: int = FREE, right: int = FREE) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return (
        text
        + bytes(64 - len(text))
        + struct.pack("<HBB", len(text), kind, 1)
        + struct.pack("<III", FREE, right, child)
        + bytes(36)
        + struct.pack("<III", sector, size, 0)
    )
