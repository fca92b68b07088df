"""Plain text and Markdown as a format of banks, refused where the text would come out as nonsense."""

from __future__ import annotations

import re
from dataclasses import replace

from cbt import charset
from cbt.errors import InvalidInput
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import Line, plain_lines
from cbt.interchange.documents.terms import clean
from cbt.interchange.format import Confidence, Content, Format
from cbt.items.draft import Adjustments, Reading


def text_of(content: bytes) -> str:
    """Return the text of a file whose charset is sure.

    Raise InvalidInput("bank.not_text"), ("bank.text_encoding") where the charset is to be asked about, or
    ("bank.mojibake") where the text was broken before.
    """
    if not content.strip():
        raise InvalidInput("bank.not_text")
    decoded = charset.decode(content)
    if decoded is None:
        raise InvalidInput("bank.not_text")
    if not decoded.sure:
        raise InvalidInput("bank.text_encoding")
    if charset.is_nonsense(decoded.text):
        raise InvalidInput("bank.mojibake")
    return decoded.text


_HEADING = re.compile(r"#{1,6}\s+(?P<text>.*?)\s*#*$")
_QUOTE = re.compile(r"(?:>\s?)+")
_STRONG = re.compile(
    r"\*\*(?P<a>[^*\n]+)\*\*|__(?P<b>[^_\n]+)__|`(?P<c>[^`\n]+)`|(?<![*\w])\*(?P<d>[^*\s][^*\n]*)\*(?![*\w])|~~(?P<e>[^~\n]+)~~"
)
_SIGN = re.compile(
    r"^#{1,6} +\S|\*\*[^*\n]{1,200}\*\*|^[ \t]{0,20}[-*+] +\[[ xX]\]|^[ \t]{0,20}```"
    r"|^[ \t]{0,8}\|?[ \t]{0,8}:?-{3,}:?[ \t]{0,8}\|",
    re.MULTILINE,
)
_ROW = re.compile(r"\s*\|(?P<cells>.*)\|\s*")
_RULE = re.compile(r"[\s|:*_=-]{3,}")
_LISTED = re.compile(
    r"[-*+]\s+(?=(?:\[[ xX]\]\s*)?(?:\*\*)?[A-L][.．、:：)]"
    r"|(?:\*\*)?(?:\d{1,4}[.、]|答案|解析|【|正确答案|参考答案))"
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|~-])")
_PICTURE = re.compile(r"!\[[^\]]{0,200}\]\([^)]{1,2000}\)|<img\b[^<>]{0,4000}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:details|summary|br|p|div|span|font|b|strong|u|center|sub|sup)\b[^<>]{0,300}>", re.IGNORECASE
)
_BOX = re.compile(r"(?P<box>\[[xX]\])\s*(?P<rest>.*)")
_EMPTY_BOX = re.compile(r"\[ \]\s*(?=[A-L][.．、:：)])")


def is_markdown(text: str) -> bool:
    return _SIGN.search(text[:200_000]) is not None


def markdown_lines(text: str) -> list[Line]:
    """Return the lines of a Markdown text without its signs; bold parts are marked."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [_line(one, number) for number, one in enumerate(lines, 1)]


def _line(raw: str, number: int) -> Line:
    text = _QUOTE.sub("", raw.strip(), count=1) if raw.lstrip().startswith(">") else raw.strip()
    if _RULE.fullmatch(text) or text.startswith("```"):
        return Line("", number)
    heading = _HEADING.fullmatch(text)
    if heading:
        text = heading["text"]
    if row := _ROW.fullmatch(text):
        text = "  ".join(cell.strip() for cell in row["cells"].split("|"))
    text = _LISTED.sub("", text, count=1) if _LISTED.match(text) else text
    box = _BOX.match(text)
    if box and re.match(r"(?:\*\*)?[A-L][.．、:：)]", box["rest"]):
        text = f"√{box['rest']}"
    else:
        text = _EMPTY_BOX.sub("", text, count=1) if _EMPTY_BOX.match(text) else text
    pictures = len(_PICTURE.findall(text))
    text = _TAG.sub(lambda found: "：" if found[0].lower() == "</summary>" else "", _PICTURE.sub("", text))
    shown, marks = _strong(text)
    tidy = clean(shown)
    moved = shown.find(tidy[:1]) if tidy else 0
    kept = tuple((name, max(a - moved, 0), b - moved) for name, a, b in marks if tidy and b > moved)
    return replace(Line(tidy, number, kept), heading=heading is not None, pictures=pictures)


def _strong(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    shown, marks, here = "", [], 0
    for match in _STRONG.finditer(text):
        shown += text[here : match.start()]
        inner = next(one for one in match.groups() if one is not None)
        if match["a"] or match["b"]:
            marks.append(("bold", len(shown), len(shown) + len(inner)))
        shown += inner
        here = match.end()
    rest = text[here:]
    return (shown + rest if marks or here else _ESCAPED.sub(r"\1", rest)), marks


NAME = "plain"
MOST = 10 * 1024 * 1024


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a text; raise InvalidInput("bank.text_too_big") and as `text_of` does."""
    if len(content) > MOST:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024))
    text = text_of(content)
    return markdown_lines(text) if is_markdown(text) else plain_lines(text)


def detect(content: Content, _name: str) -> Confidence:
    """Say that whatever can be read as text may be one; what it holds shows when it is read."""
    if not isinstance(content, bytes) or content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Confidence.NO
    try:
        text_of(content[:MOST])
    except InvalidInput as error:
        broken = error.code == "bank.mojibake" or (content.strip() and b"\x00" not in content[:4096])
        return Confidence.MAYBE if broken else Confidence.NO
    return Confidence.MAYBE


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes):
        raise InvalidInput("bank.not_text")
    return read_lines(lines_of(content), NAME, name, adjust)


PLAIN = Format(NAME, detect, read, endings=(".txt", ".md"))
