"""Roster files and people for the office's tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import xlsxwriter
from PIL import Image

HEADERS = ["姓名*", "证件类型*", "证件号码*", "级别*", "科目*"]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def photo(kind: str, size: tuple[int, int] = (30, 40)) -> bytes:
    """Return a small picture; `kind` is JPEG or PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 150, 120)).save(buffer, kind)
    return buffer.getvalue()


PNG, JPEG = photo("PNG"), photo("JPEG")


def resident(number: int, *, male: bool = True) -> str:
    """Return a valid resident number of an invented person."""
    digits = (
        f"310101{1970 + number % 30}0{1 + number % 9}{10 + number % 18}{number % 100:02d}{1 if male else 2}"
    )
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def row(number: int, name: str = "", level: str = "三级", paper: str = "理论知识") -> list[object]:
    """Return the five required cells of one person."""
    return [name or f"考生{number}", "身份证", resident(number), level, paper]


def xlsx(rows: Sequence[Sequence[object]], headers: Sequence[str] = HEADERS) -> bytes:
    """Return a workbook; numbers stay numbers, texts stay texts."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for line, cells in enumerate([headers, *rows]):
            for place, cell in enumerate(cells):
                if isinstance(cell, str):
                    sheet.write_string(line, place, cell)
                else:
                    sheet.write(line, place, cell)
    return buffer.getvalue()


def csv(rows: Sequence[Sequence[object]], headers: Sequence[str] = HEADERS, encoding: str = "utf-8") -> bytes:
    """Return a CSV file."""
    return "\r\n".join(",".join(map(str, cells)) for cells in [headers, *rows]).encode(encoding)


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()
