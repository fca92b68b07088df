"""GIFT as a format of banks: items written as text, and files of the format detected and read.

An item's id and what else GIFT has no place for stand in a comment before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import IO, Any

from cbt.errors import InvalidInput
from cbt.interchange import fragment, raw_items
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, OutForm
from cbt.interchange.gift_answer import escaped
from cbt.interchange.gift_reader import MAPPINGS, gather
from cbt.interchange.intake import read as received
from cbt.interchange.out_texts import blank_stem, no_blank
from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.media import NAME as MEDIUM
from cbt.items.media import PREFIX, SCHEME

FACTS = ("point", "difficulty", "consistency", "law", "enemies")
_COMMON = frozenset({"stem", "explanation", *FACTS})
CARRIES: Carried = Carries(MAPPINGS, _COMMON)
_TAGGED = (*FACTS, "fixed_order", "decimals", "compute", "limit")


class _GiftTexts:
    """Writes texts as HTML in GIFT; media are called as our own texts call them."""

    def block(self, text: str, blank: Callable[[int], str] = no_blank, hidden: str = "") -> str:
        return _escaped(fragment.block(text, blank, hidden))

    def line(self, text: str) -> str:
        return _escaped(fragment.line(text))

    def option(self, text: str) -> str:
        return escaped(fragment.option(text))


TEXTS = _GiftTexts()
_ADDRESS = re.compile(rf'"{PREFIX}(?={MEDIUM.pattern}")')


def _escaped(shown: str) -> str:
    """Return HTML that begins with neither a weight nor a kind of text."""
    shown = _ADDRESS.sub(f'"{SCHEME}', shown)
    return escaped(f"&#{ord(shown[0])};{shown[1:]}" if shown[:1] in {"%", "["} else shown)


def write(export: Export, target: IO[bytes]) -> None:
    """Write every item that GIFT can hold, under the category of its point."""
    names = {point.code: point.name for point in export.taxonomy.points}
    last = ""
    for draft, text in proven(export, CARRIES, _written, _prepared, _unshown):
        point = str(draft.data.get("point", ""))
        if point != last:
            head = re.sub(r"[\s/]+", " ", f"{point} {names.get(point, '')}").strip()
            target.write(f"$CATEGORY: $course$/{head}\n\n".encode())
            last = point
        target.write(f"{text}\n\n".encode())


def _prepared(draft: ItemDraft) -> ItemDraft:
    return draft.with_data(MAPPINGS[str(draft.data["type"])].prepared(draft.data, fragment))


def _unshown(draft: ItemDraft) -> list[str]:
    return MAPPINGS[str(draft.data["type"])].unshown(draft.data, fragment)


def _written(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    text = question(draft)
    items = gather(text).items if text else []
    return text, items[0].data if len(items) == 1 and items[0].ref == draft.ref else None


def question(draft: ItemDraft) -> str:
    """Return one item as GIFT, "" for one that it cannot say."""
    data, mapping = draft.data, MAPPINGS[draft.data["type"]]
    stem, answers = str(data["stem"]), mapping.answers(data, TEXTS)
    if answers is None or (mapping.gap and stem.count("{{") != 1):
        return ""
    facts = raw_items.short_tags(raw_items.tags_of(data, _TAGGED))
    marks = [f"[id:{draft.ref}]", *(f"[tag:{_guarded(tag)}]" for tag in facts)]
    explanation = TEXTS.block(str(data.get("explanation", "")))
    braces = f"{{{answers}{f'####{explanation}' if explanation else ''}}}"
    title = f"::{escaped(draft.ref)}::[html]"
    shown = blank_stem(data, TEXTS) if mapping.gap else TEXTS.block(stem)
    return f"// {' '.join(marks)}\n{title}{shown}{braces}"


def _guarded(tag: str) -> str:
    return tag.replace("]", "\\]")


FORM = OutForm("gift", ".gift", "text/plain", write, CARRIES)


NAME = "gift"
_TASK = "cbt.interchange.gift_reader:read"
_HEAD = 200_000
_TITLE = re.compile(rb"^::[^\r\n]{1,300}?::|^\$CATEGORY:", re.MULTILINE)
_ANSWER = re.compile(rb"(?<!\\)\{\s*(?:[=~#]|>\s*\d|T(?:RUE)?\s*[}#]|F(?:ALSE)?\s*[}#])")
_NO_TEXT = re.compile(rb"PK\x03\x04|\xd0\xcf\x11\xe0|<|%PDF|[\[{]\s*[\[{\"\d]")


def detect(content: Content, name: str) -> Confidence:
    """Be sure of a text with braces that open answers; a title alone may be one of another format."""
    if not isinstance(content, bytes) or _NO_TEXT.match(content.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return Confidence.NO
    head = content[:_HEAD].replace(b"\0", b"")
    if _ANSWER.search(head):
        return Confidence.SURE
    if name.lower().endswith(".gift"):
        return Confidence.SURE if b"{" in head else Confidence.NO
    return Confidence.MAYBE if _TITLE.search(head) and b"{" in head else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return received(_TASK, NAME, content, name)


GIFT = Format(NAME, detect, read, endings=(".gift",), writes=(FORM,))
