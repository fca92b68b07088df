"""The child's side of what a .xls file says beside its values: formats of cells, places of pictures."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import olefile

from cbt.spreadsheets.number_formats import BUILT_IN, is_plain

_STREAMS = ("Workbook", "Book")
_BOF, _EOF, _BOUNDSHEET, _FORMAT, _XF = 0x0809, 0x000A, 0x0085, 0x041E, 0x00E0
_NUMBER, _RK, _MULRK, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0006
_DRAWING, _OBJECT, _PICTURE = 0x00EC, 0x005D, 0x0008
_ANCHOR = b"\x10\xf0\x12\x00\x00\x00"

Cell = tuple[int, int]


@dataclass(slots=True)
class BiffSheet:
    """The formats and the pictures of one sheet."""

    formats: dict[Cell, str] = field(default_factory=dict)
    pictures: list[Cell] = field(default_factory=list)


def biff_sheets(body: bytes) -> dict[str, BiffSheet]:
    """Return what is known beside the values, by sheet; nothing of a file that is built in another way."""
    try:
        stream = _stream(body)
        return dict(_sheets(stream))
    except (struct.error, IndexError, ValueError, KeyError, OSError, RecursionError):
        return {}


def _stream(body: bytes) -> bytes:
    """Return the stream that holds the book."""
    if body[:8] != olefile.MAGIC:
        return body  # before BIFF 8 there were files without a container
    with olefile.OleFileIO(io.BytesIO(body)) as container:
        name = next((name for name in _STREAMS if container.exists(name)), "")
        return bytes(container.openstream(name).read()) if name else b""


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield kind, stream[start + 4 : start + 4 + length]
        start += 4 + length


def _sheets(stream: bytes) -> Iterator[tuple[str, BiffSheet]]:
    own: dict[int, str] = dict(BUILT_IN)
    styles: list[str] = []
    parts: list[tuple[str, int]] = []
    for kind, data in _records(stream, 0):
        if kind == _FORMAT:
            own[struct.unpack_from("<H", data)[0]] = _text(data, 2, wide=2)
        elif kind == _XF:
            code = own.get(struct.unpack_from("<H", data, 2)[0], "")
            styles.append("" if is_plain(code) else code)
        elif kind == _BOUNDSHEET and data[5] == 0:
            parts.append((_text(data, 6, wide=1), struct.unpack_from("<I", data)[0]))
        elif kind == _EOF:
            break
    for name, start in parts:
        yield name, _sheet(stream, start, styles)


def _sheet(stream: bytes, start: int, styles: list[str]) -> BiffSheet:
    found, depth, anchor = BiffSheet(), 0, (0, 0)
    for kind, data in _records(stream, start):
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            break
        if kind in {_NUMBER, _RK, _FORMULA}:
            row, column, style = struct.unpack_from("<HHH", data)
            found.formats[row, column] = styles[style] if style < len(styles) else ""
        elif kind == _MULRK:
            row, first = struct.unpack_from("<HH", data)
            for n in range((len(data) - 6) // 6):
                style = struct.unpack_from("<H", data, 4 + 6 * n)[0]
                found.formats[row, first + n] = styles[style] if style < len(styles) else ""
        elif kind == _DRAWING and (at := data.rfind(_ANCHOR)) >= 0:
            _flag, column, _dx, row = struct.unpack_from("<HHHH", data, at + len(_ANCHOR))
            anchor = row, column
        elif kind == _OBJECT and len(data) > 6 and struct.unpack_from("<H", data, 4)[0] == _PICTURE:
            found.pictures.append(anchor)
    return found


def _text(data: bytes, at: int, *, wide: int) -> str:
    count = int.from_bytes(data[at : at + wide], "little")
    at += wide
    if data[at] & 1:
        return data[at + 1 : at + 1 + 2 * count].decode("utf-16-le", "replace")
    return data[at + 1 : at + 1 + count].decode("latin-1")
