"""Documents and workbooks with pictures in them, as Word, Excel and WPS write them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image

WORD = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "v": "urn:schemas-microsoft-com:vml",
        "o": "urn:schemas-microsoft-com:office:office",
    }.items()
)
WMF = b"\xd7\xcd\xc6\x9a" + b"\0" * 40
Parts = Mapping[str, bytes]


def png(colour: str = "red", *, size: tuple[int, int] = (30, 20), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def flood() -> bytes:
    """Return a PNG that says it is 60,000 by 60,000."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, body in parts.items():
            package.writestr(name, body)
    return made.getvalue()


def relations(targets: Mapping[str, str], kind: str = "image") -> str:
    """Return the relations of a part; a target that is an address lies elsewhere."""
    return (
        "<Relationships>"
        + "".join(
            f'<Relationship Id="{name}" Type="http://x/{kind}" Target="{target}"'
            f"{' TargetMode=' + chr(34) + 'External' + chr(34) if ':' in target else ''}/>"
            for name, target in targets.items()
        )
        + "</Relationships>"
    )


def line(*pieces: str) -> str:
    runs = "".join(one if one.startswith("<") else f"<w:r><w:t>{one}</w:t></w:r>" for one in pieces)
    return f"<w:p>{runs}</w:p>"


def inline(name: str, words: str = "", *, place: str = "inline") -> str:
    """Return a run with a picture in the line, or with place="anchor" one that floats."""
    blip = f'<pic:pic><pic:blipFill><a:blip r:embed="{name}"/></pic:blipFill></pic:pic>'
    graphic = f"<a:graphic><a:graphicData>{blip}</a:graphicData></a:graphic>"
    return f'<w:r><w:drawing><wp:{place}><wp:docPr id="1" descr="{words}"/>{graphic}</wp:{place}></w:drawing></w:r>'


def older(name: str, style: str = "width:10pt", holder: str = "pict", more: str = "") -> str:
    """Return a run with a picture as Word wrote it until 2007."""
    return (
        f'<w:r><w:{holder}><v:shape style="{style}" alt="旧图"><v:imagedata r:id="{name}"/></v:shape>{more}'
        f"</w:{holder}></w:r>"
    )


def docx(*lines: str, pictures: Parts, targets: Mapping[str, str] = {}) -> bytes:
    """Return a document; each of `pictures` lies in its folder and has a relation of its name."""
    named = {name: f"media/{name}.png" for name in pictures} | dict(targets)
    return packed(
        {
            "word/document.xml": f"<w:document {WORD}><w:body>{''.join(lines)}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(named),
            **{f"word/media/{name}.png": body for name, body in pictures.items()},
        }
    )


SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://x/r"'
DRAWING = 'xmlns:xdr="http://x/xdr" xmlns:a="http://x/a" xmlns:r="http://x/r"'


def anchor(cell: str, name: str, words: str = "", *, low: int = 0, last: str = "") -> str:
    """Return a picture that begins at a cell, so far below its upper edge, and ends at another."""
    named = f'<xdr:nvPicPr><xdr:cNvPr id="2" name="x" descr="{words}"/></xdr:nvPicPr>'
    held = f'{named}<xdr:blipFill><a:blip r:embed="{name}"/>'
    ends = [(cell, "from", low), (last or cell, "to", 9)]
    corners = "".join(
        f"<xdr:{corner}><xdr:col>{ord(at[0]) - 65}</xdr:col><xdr:colOff>0</xdr:colOff>"
        f"<xdr:row>{int(at[1:]) - 1}</xdr:row><xdr:rowOff>{off}</xdr:rowOff></xdr:{corner}>"
        for at, corner, off in ends
    )
    return f"<xdr:twoCellAnchor>{corners}<xdr:pic>{held}</xdr:blipFill></xdr:pic></xdr:twoCellAnchor>"


def xlsx(
    rows: Sequence[Sequence[str]],
    *anchors: str,
    pictures: Parts,
    targets: Mapping[str, str] = {},
    cells: Mapping[str, str] = {},
    parts: Mapping[str, str | bytes] = {},
) -> bytes:
    """Return a workbook of one sheet with drawings over it; `cells` are written as they are given."""
    said = "".join(
        f'<row r="{number}">'
        + "".join(
            cells.get(f"{chr(64 + column)}{number}")
            or f'<c r="{chr(64 + column)}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
            for column, text in enumerate(row, 1)
            if text or f"{chr(64 + column)}{number}" in cells
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    named = {name: f"../media/{name}.png" for name in pictures} | dict(targets)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    first = f'<Relationships><Relationship Id="r1" Type="{kind}'
    book = '<sheets><sheet name="题" sheetId="1" r:id="r1"/></sheets>'
    return packed(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": f'{first}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f"<workbook {SHEET}>{book}</workbook>",
            "xl/_rels/workbook.xml.rels": f'{first}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f"<worksheet {SHEET}><sheetData>{said}</sheetData></worksheet>",
            "xl/worksheets/_rels/sheet1.xml.rels": relations({"d1": "../drawings/drawing1.xml"}, "drawing"),
            "xl/drawings/drawing1.xml": f"<xdr:wsDr {DRAWING}>{''.join(anchors)}</xdr:wsDr>",
            "xl/drawings/_rels/drawing1.xml.rels": relations(named),
            **{f"xl/media/{name}.png": body for name, body in pictures.items()},
            **parts,
        }
    )
