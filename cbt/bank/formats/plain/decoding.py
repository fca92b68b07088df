"""Text out of bytes: by its mark, as UTF-8, UTF-16 or GB 18030, and refused where it would come out as nonsense."""

from __future__ import annotations

from cbt.errors import InvalidInput

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE = 200_000
_COMMON_LEADS = range(0xB0, 0xD8)
"""The lead bytes of the 3,755 common characters in GB 2312."""
_LEAST_COMMON = 0.6
_BROKEN = ("锟斤拷", "烫烫烫", "ï»¿", "â€", "Ã¥", "Ã¤", "å¤", "é¢")


def text_of(content: bytes) -> str:
    """Return the text of a file; raise InvalidInput("bank.not_text"), or ("bank.mojibake") where it is broken."""
    if not content.strip():
        raise InvalidInput("bank.not_text")
    text = _decoded(content)
    if _is_binary(text[:_SAMPLE]):
        raise InvalidInput("bank.not_text")
    if is_nonsense(text[:_SAMPLE]):
        raise InvalidInput("bank.mojibake")
    return text


def _decoded(content: bytes) -> str:
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return _strict(content, codec)
    half = content[:4096]
    if b"\x00" in half:
        codecs = ("utf-16-le", "utf-16-be")
        first, second = codecs if half[1::2].count(0) >= half[0::2].count(0) else codecs[::-1]
        text = _strict(content, first)
        return _strict(content, second) if is_nonsense(text[:_SAMPLE]) else text
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(content) // 2 and error.reason == "unexpected end of data":
            return content[: error.start].decode("utf-8")
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError as error:
        return _mended(content, error)
    if not is_nonsense(text[:_SAMPLE]):
        return text
    return _other(content, text)


def _other(content: bytes, text: str) -> str:
    """Return a text without its mark read as UTF-16 or Big5, where that makes sense and GB 18030 does not."""
    for codec in ("utf-16-le", "utf-16-be", "big5"):
        try:
            other = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if not is_nonsense(other[:_SAMPLE], traditional=codec == "big5") and not _is_binary(other[:_SAMPLE]):
            return other
    return text


def _mended(content: bytes, error: UnicodeDecodeError) -> str:
    """Return a text of which few bytes are broken, with U+FFFD in their place; it is listed with its question."""
    for codec in ("utf-8", "gb18030"):
        text = content.decode(codec, errors="replace")
        if text.count("\ufffd") * 200 <= len(text) and not is_nonsense(text[:_SAMPLE]):
            return text
    raise InvalidInput("bank.not_text") from error


def _strict(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidInput("bank.not_text") from error


def _is_binary(text: str) -> bool:
    odd = sum(one < " " and one not in "\t\n\r\f\v\x1a\x1c\x1d\x1e" for one in text)
    return odd * 100 > len(text)


def is_nonsense(text: str, *, traditional: bool = False) -> bool:
    """Say whether a text came out of the wrong encoding: most of its ideographs are ones nobody writes."""
    if any(one in text for one in _BROKEN[:2]) or sum(text.count(one) for one in _BROKEN[2:]) * 50 > len(
        text
    ):
        return True
    wide = [one for one in text if "\u3400" <= one <= "\u9fff" or "\ue000" <= one <= "\uf8ff"]
    if len(wide) < 8:
        return False
    codec = "big5" if traditional else "gb2312"
    leads = range(0xA4, 0xC7) if traditional else _COMMON_LEADS
    common = sum((one.encode(codec, errors="ignore") or b"\0")[0] in leads for one in wide)
    return common < _LEAST_COMMON * len(wide)
