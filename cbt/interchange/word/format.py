"""Word documents as a format of banks: written in the national text form, detected and read.

A document is written as it grows, a paragraph a line, so that a whole bank is never held.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.interchange import picture_marks
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import Line, LinedText, marked_lines
from cbt.interchange.documents.paragraphs import DocumentText, Paragraph, with_rows_named
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, OutForm
from cbt.interchange.intake import with_pictures
from cbt.interchange.markdown import escaped
from cbt.interchange.picture_marks import PictureMarks
from cbt.items.draft import AS_INFERRED, Adjustments, ItemDraft, Reading
from cbt.items.media import MARK, NO_WORDS, in_words, is_sound, replaced
from cbt.items.types.editor import SheetMapping
from cbt.items.types.folders import Mappings
from cbt.media.intake import size_of

CODES = frozenset("BCGTD")
"""The types that the national text form has."""
_SHEETS: Mapping[str, SheetMapping] = {
    kind: mapping for kind, mapping in Mappings("editor", SheetMapping).items() if mapping.code in CODES
}
_COMMON = frozenset({"stem", "explanation", "point", "difficulty", "consistency"})
CARRIES: Carried = Carries(_SHEETS, _COMMON)
MIME = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_LETTERS = "ABCDEFGHIJKL"
_STRONG = re.compile(r"(\*\*.+?\*\*)")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PIXEL, _WIDEST = 9_525, 5_400_000
"""Of Word's measure: a pixel, and how wide a page of A4 is between its margins."""
_UNKNOWN = (400, 300)

_StyledLine = tuple[str, str]
"""The style of a paragraph, and its text; a picture stands in it as in our own texts."""


def _lines(data: Mapping[str, Any]) -> Iterator[_StyledLine]:
    """Yield an item line by line: its codes, {A} the stem and the choices, {B} the key, {C} the explanation."""
    mapping = _SHEETS[data["type"]]
    level, agreed = data.get("difficulty", 3), data.get("consistency", 5)
    yield "Point", f"{data.get('point', '')}  {mapping.code}  {level}  {agreed}"
    yield from (("Stem", line) for line in f"{{A}}{mapping.stem(data)}".split("\n"))
    for letter, choice in zip(_LETTERS, data.get("choices", ()), strict=False):
        yield "Choice", f"（{letter}）{choice}"
    yield from (("Key", line) for line in f"{{B}}{mapping.answer(data)}".split("\n"))
    if explanation := str(data.get("explanation", "")):
        yield from (("Key", line) for line in f"{{C}}{explanation}".split("\n"))


class _Pictures:
    """The pictures that the texts of a document name: each once, under a number."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.files: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def take(self, name: str) -> bool:
        """Return whether a picture is there; a sound never is."""
        if name in self.files:
            return True
        medium = None if is_sound(name) else self._export.medium(name)
        if medium is None:
            return False
        self.files[name] = f"{name}.{'png' if medium[0] == 'image/png' else 'jpeg'}"
        self._numbers[name] = len(self.files)
        return True

    def body(self, name: str) -> bytes:
        medium = self._export.medium(name)
        return medium[1] if medium else b""

    def drawn(self, name: str, words: str) -> str:
        return _drawing(self._numbers[name], words, self.body(name)) if name in self._numbers else ""


def write(export: Export, target: IO[bytes]) -> None:
    """Write a title and the items, then the pictures that they name."""
    pictures = _Pictures(export)

    def at_hand(draft: ItemDraft) -> ItemDraft:
        """Return an item with the words for a sound, or for a picture that is not there, in its place."""
        return draft.with_data(
            replaced(draft.data, MARK, lambda mark: mark[0] if pictures.take(mark[2]) else in_words(mark[0]))
        )

    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(_entry(name), text)
        with archive.open(_entry("word/document.xml"), "w") as document:
            document.write(f"{_HEAD}{_paragraph('Title', export.name, pictures)}".encode())
            for draft, _text in proven(export, CARRIES, _written, at_hand, media=True):
                for style, text in _lines(draft.data):
                    document.write(_paragraph(style, text, pictures).encode())
            document.write(_FOOT.encode())
        for name, file in pictures.files.items():
            archive.writestr(_entry(f"word/media/{file}"), pictures.body(name))
        archive.writestr(_entry("word/_rels/document.xml.rels"), _relations(list(pictures.files.values())))
        archive.writestr(_entry("docProps/core.xml"), _core(export.name))


def _written(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    """Return what our reader makes of the paragraphs of an item; "" of text: it has only these."""
    marks: list[str] = []

    def marked(mark: re.Match[str]) -> str:
        words = picture_marks.worded(mark[1]) or NO_WORDS
        marks.append(f"![{words}](media:{mark[2]})")
        return picture_marks.mark(len(marks) - 1)

    paragraphs = [
        Paragraph(number, [(MARK.sub(marked, text), [])])
        for number, (_style, text) in enumerate(_lines(draft.data), 1)
    ]
    try:
        reading = read_lines(marked_lines(paragraphs), "word", "", AS_INFERRED)
    except InvalidInput:
        return "", None
    if len(reading.items) != 1 or reading.inferred:
        return "", None
    return "", replaced(reading.items[0].data, _PLACE, lambda place: marks[picture_marks.number_of(place[0])])


_PLACE = re.compile(f"[{picture_marks.RANGE}]")


def _paragraph(style: str, text: str, pictures: _Pictures) -> str:
    runs = "".join(_runs(text, pictures))
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{runs}</w:p>\n'


def _runs(text: str, pictures: _Pictures) -> Iterator[str]:
    end = 0
    for match in MARK.finditer(text):
        yield from _words(text[end : match.start()])
        yield f"<w:r>{pictures.drawn(match[2], match[1])}</w:r>"
        end = match.end()
    yield from _words(text[end:])


def _words(text: str) -> Iterator[str]:
    """Yield runs of text; what is strong keeps its signs, which are what comes in again."""
    for piece in _STRONG.split(text):
        if piece:
            strong = '<w:rPr><w:rStyle w:val="Strong"/></w:rPr>' if _STRONG.fullmatch(piece) else ""
            yield f'<w:r>{strong}<w:t xml:space="preserve">{escaped(piece)}</w:t></w:r>'


def _drawing(number: int, words: str, body: bytes) -> str:
    width, height = _size(body)
    wide = min(width * _PIXEL, _WIDEST)
    high = max(wide * height // max(width, 1), 1)
    about = f'id="{number}" name="picture{number}" descr="{escaped(words)}"'
    shape = (
        f'<a:xfrm><a:off x="0" y="0"/><a:ext cx="{wide}" cy="{high}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
    )
    return (
        f'<w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{wide}" cy="{high}"/>'
        f'<wp:docPr {about}/><a:graphic><a:graphicData uri="{_PICTURE}"><pic:pic><pic:nvPicPr><pic:cNvPr {about}/>'
        f'<pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="picture{number}"/><a:stretch><a:fillRect/>'
        f"</a:stretch></pic:blipFill><pic:spPr>{shape}</pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline>"
        "</w:drawing>"
    )


def _size(body: bytes) -> tuple[int, int]:
    """Return how wide and high a picture is, in pixels."""
    if body.startswith(b"\x89PNG") and len(body) > 24:
        return int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
    try:
        return size_of(body)
    except (InvalidInput, ValueError, IndexError):
        return _UNKNOWN


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_STORED if name.startswith("word/media/") else zipfile.ZIP_DEFLATED
    return entry


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_PICTURE = f"{_DRAWING}/picture"
_KIND = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_HEAD = (
    f'{_XML}<w:document xmlns:w="{_WORD}" xmlns:r="{_OFFICE}/relationships" xmlns:a="{_DRAWING}/main"'
    f' xmlns:wp="{_DRAWING}/wordprocessingDrawing" xmlns:pic="{_PICTURE}"><w:body>\n'
)
_FOOT = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1440" w:bottom="1440" w:left="1440"'
    ' w:header="850" w:footer="850" w:gutter="0"/></w:sectPr></w:body></w:document>\n'
)
_FONT = (
    '<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="宋体" w:cs="Times New Roman"/>'
)


def _style(name: str, title: str, paragraph: str = "", run: str = "") -> str:
    return (
        f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{title}"/><w:basedOn w:val="Normal"/>'
        f"<w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>\n"
    )


_STYLES = (
    f'{_XML}<w:styles xmlns:w="{_WORD}"><w:docDefaults><w:rPrDefault><w:rPr>{_FONT}<w:sz w:val="21"/>'
    '<w:szCs w:val="21"/><w:lang w:val="en-US" w:eastAsia="zh-CN"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr>'
    '<w:spacing w:line="320" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>\n'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>\n'
    '<w:style w:type="character" w:styleId="Strong"><w:name w:val="Strong"/><w:qFormat/><w:rPr><w:b/></w:rPr>'
    "</w:style>\n"
    + _style("Title", "Title", '<w:spacing w:after="240"/><w:jc w:val="center"/>', '<w:b/><w:sz w:val="32"/>')
    + _style("Point", "题头", '<w:keepNext/><w:spacing w:before="240"/>', '<w:color w:val="404040"/>')
    + _style("Stem", "题干", "<w:keepNext/>")
    + _style("Choice", "选项", '<w:keepNext/><w:ind w:left="420"/>')
    + _style("Key", "答案", "", '<w:color w:val="404040"/>')
    + "</w:styles>\n"
)
_PARTS: Mapping[str, str] = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
        '"application/xml"/><Default Extension="png" ContentType="image/png"/><Default Extension="jpeg" '
        'ContentType="image/jpeg"/><Override PartName="/word/document.xml" ContentType="'
        f'{_KIND}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_KIND}.styles+xml"/><Override PartName='
        '"/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>\n'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="document" Type='
        f'"{_OFFICE}/relationships/officeDocument" Target="word/document.xml"/><Relationship Id="core" Type='
        f'"{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>\n'
    ),
    "word/styles.xml": _STYLES,
}


def _relations(files: Sequence[str]) -> str:
    kind = f"{_OFFICE}/relationships"
    pictures = "".join(
        f'<Relationship Id="picture{number}" Type="{kind}/image" Target="media/{file}"/>'
        for number, file in enumerate(files, 1)
    )
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="styles" Type="{kind}/styles"'
        f' Target="styles.xml"/>{pictures}</Relationships>\n'
    )


def _core(title: str) -> str:
    return (
        f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escaped(title)}</dc:title></cp:coreProperties>\n'
    )


FORM = OutForm("word", ".docx", MIME, write, CARRIES, media=True)


NAME = "word"
LIMITS = Limits()
MOST = 64 * 1024 * 1024
_TASK = "cbt.interchange.word.reader:read_word"
_OLE = b"\xd0\xcf\x11\xe0"
_WORD_97 = "WordDocument".encode("utf-16-le")
_FLAT = (
    b'progid="Word.Document"',
    b"<w:wordDocument",
    b"<pkg:package",
    b"http://schemas.microsoft.com/office/word/2003/wordml",
)


_ELSE = ((b"%PDF-", "bank.pdf"), (b"{\\rtf", "bank.rtf"))
"""Documents of other kinds that people bring as Word's, and the refusal that says what to save them as."""
_SAVED = re.compile(rb"(?:From:|MIME-Version:|Content-Type:\s*multipart/related)", re.IGNORECASE)


def other_kind(content: bytes) -> str:
    """Return the refusal of a PDF, an RTF or a page saved as one archive, "" for anything else."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \r\n")
    if _SAVED.match(head) and b"multipart/related" in head.lower():
        return "bank.mhtml"
    return next((code for mark, code in _ELSE if head.startswith(mark)), "")


def is_word(content: bytes) -> bool:
    if content.startswith(b"PK\x03\x04"):
        return b"word/document" in content and b"xl/workbook" not in content
    return any(one in content[:4096] for one in _FLAT)


def is_word_97(content: bytes) -> bool:
    """Say whether a file is a document of Word 97 to 2003, which is not read."""
    return content.startswith(_OLE) and _WORD_97 in content


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a document; raise as `document_of` does."""
    return document_of(content).lines


def document_of(content: bytes) -> LinedText:
    """Return the lines of a document and its pictures.

    Raise InvalidInput("bank.word_97"), ("bank.word_too_big") and as the child does.
    """
    if is_word_97(content):
        raise InvalidInput("bank.word_97")
    if code := other_kind(content):
        raise InvalidInput(code)
    if len(content) > MOST:
        raise InvalidInput("bank.word_too_big")
    try:
        answer = run(_TASK, content, limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.word_too_big") from error
    document_text = msgspec.msgpack.decode(answer, type=DocumentText)
    return LinedText(
        marked_lines(with_rows_named(document_text.paragraphs)),
        PictureMarks(document_text.marks, document_text.bodies),
    )


def detect(content: Content, _name: str) -> Confidence:
    if not isinstance(content, bytes):
        return Confidence.NO
    own = is_word(content) or is_word_97(content) or other_kind(content)
    return Confidence.SURE if own else Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.word_broken")
    text = document_of(content)
    return with_pictures(read_lines(text.lines, NAME, name, adjust), text.shown)


WORD = Format(NAME, detect, read, endings=(".docx", ".docm", ".doc"), writes=(FORM,))
