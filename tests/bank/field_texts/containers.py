"""From lines to files: texts in Chinese encodings, Markdown, Word, saved pages."""

from __future__ import annotations

import html
import io
import zipfile
from xml.sax.saxutils import escape

from tests.bank.field_texts.layouts import Written

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def text(lines: list[Written], encoding: str, *, ends: str = "\r\n") -> bytes:
    """Return a text file."""
    return ends.join(one.text for one in lines).encode(encoding)


def markdown(lines: list[Written]) -> bytes:
    """Return a Markdown file: headings, right choices in bold."""
    said = []
    for one in lines:
        shown = f"## {one.text}" if one.heading else f"**{one.text}**" if one.right else one.text
        said += [shown, ""]
    return "\n".join(said).encode()


def page(lines: list[Written]) -> bytes:
    """Return a saved page."""
    rows = []
    for one in lines:
        inner = html.escape(one.text)
        if one.right:
            inner = f'<span style="color: red">{inner}</span>'
        rows.append(f"<h3>{inner}</h3>" if one.heading else f'<div class="line"><p>{inner}</p></div>')
    head = '<!DOCTYPE html><html><head><title>题库</title><script>var a = "1. A";</script></head>'
    return f"{head}<body>{''.join(rows)}</body></html>".encode()


def word(lines: list[Written], *, mark: str = "color", split: bool = False) -> bytes:
    """Return a .docx; automatic labels by a list of two levels, right choices marked."""
    paragraphs = [_paragraph(one, mark, split=split) for one in lines]
    body = f"<w:body>{''.join(paragraphs)}<w:sectPr/></w:body>"
    document = f'<?xml version="1.0" encoding="UTF-8"?><w:document {_W}>{body}</w:document>'
    levels = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="upperLetter"/><w:lvlText w:val="%2."/></w:lvl>'
    )
    sections = list(range(1, 9))
    numbering = (
        f'<?xml version="1.0"?><w:numbering {_W}>'
        + "".join(f'<w:abstractNum w:abstractNumId="{n}">{levels}</w:abstractNum>' for n in sections)
        + "".join(f'<w:num w:numId="{n}"><w:abstractNumId w:val="{n}"/></w:num>' for n in sections)
        + "</w:numbering>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _TYPES)
        package.writestr("word/document.xml", document)
        package.writestr("word/numbering.xml", numbering)
    return made.getvalue()


_MARKS = {
    "color": '<w:color w:val="FF0000"/>',
    "bold": "<w:b/>",
    "underline": '<w:u w:val="single"/>',
    "highlight": '<w:highlight w:val="yellow"/>',
}


def _paragraph(one: Written, mark: str, *, split: bool) -> str:
    numbers = ""
    if one.listed:
        kind, number = one.listed
        _paragraph.section += kind == "question" and number == 1  # type: ignore[attr-defined]  # which list counts
        level = 0 if kind == "question" else 1
        ref = (_paragraph.section - 1) % 8 + 1  # type: ignore[attr-defined]
        numbers = f'<w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{ref}"/></w:numPr></w:pPr>'
    properties = f"<w:rPr>{_MARKS[mark] if one.right else ''}</w:rPr>"
    pieces = [one.text[n : n + 3] for n in range(0, len(one.text), 3)] if split else [one.text]
    runs = "".join(
        f'<w:r>{properties}<w:t xml:space="preserve">{escape(piece)}</w:t></w:r>' for piece in pieces
    )
    return f"<w:p>{numbers}{runs}</w:p>"


_paragraph.section = 0  # type: ignore[attr-defined]


def begin_lists() -> None:
    """Let the next document count its lists from the first."""
    _paragraph.section = 0  # type: ignore[attr-defined]
