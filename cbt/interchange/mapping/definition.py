"""The mapping of a file as a value: which row, column or line is what, how keys are written, where they are.

It is said by hand, checked as a whole (`faults`), kept by its shape and said of the next file of that shape. Signs
and labels are literal, with the one exception of `labels`: the number or letter of a sample stands for any.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from cbt.errors import InvalidInput
from cbt.items.draft import Adjustments
from cbt.rules.items.content import ItemType

MAPPING = "mapping"
"""What a mapping by hand is called among the adjustments of a file."""
CHOICES = tuple(f"choice_{letter}" for letter in "ABCDEFGHIJ")
BLANKS = tuple(f"blank_{number}" for number in range(1, 9))
FIELDS = (
    "stem", *CHOICES, "choices", "stem_choices", "right", "answer", "type", "point", "difficulty", "explanation",
    "number", *BLANKS, "consistency", "ref",
)  # fmt: skip
"""What a column may hold."""
LABELS = ("number", "choices", "answer", "explanation", "type", "point", "difficulty", "heading")
"""What begins a line of an item that takes several, by a sample each."""
KINDS = (
    ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE, ItemType.TRUE_FALSE, ItemType.FILL_BLANK, ItemType.NUMERIC,
    ItemType.SHORT_ANSWER,
)  # fmt: skip
DERIVED = "derived"
"""Said of a word that names no type: each item by its choices and its key."""
LONGEST_SIGN = 12
LONGEST_LABEL = 60
LONGEST_WORD = 40
LONGEST_NAME = 60
LONGEST_COLUMN = 200
MOST_WORDS = 30
MOST_COLUMNS = 200
MOST_ROWS = 2_000
LONGEST = 40_000
"""Characters of a mapping as it is kept."""


class ItemLayout(StrEnum):
    """An item is a row (of a sheet, a list, or a line cut at a sign), or several lines."""

    ROWS = "rows"
    LINES = "lines"


class KeyWriting(StrEnum):
    """How the key of a choice is written."""

    LETTERS = "letters"
    FROM_1 = "from_1"
    FROM_0 = "from_0"
    TEXT = "text"
    MARK = "mark"
    """The right choices carry a sign."""
    FLAGS = "flags"
    """A column says of each choice whether it is right."""


class KeysAt(StrEnum):
    """Where keys stand: with their item, in a bracket of its stem, in another sheet or file, behind a line."""

    HERE = "here"
    STEM = "stem"
    PART = "part"
    END = "end"


ANY = "*"


class KeyList(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the keys are; of a list apart its part, its columns, and whether it goes by order, not by number.

    `file` is the other file that the part is in, `ANY` once it is kept; `begins` is the line that keys at the end
    stand behind.
    """

    at: KeysAt = KeysAt.HERE
    part: str = ""
    file: str = ""
    head: int = 0
    number: str = ""
    answer: str = ""
    begins: str = ""
    order: bool = False


class FileMapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an author says of a file.

    `form` is what its parts are (sheet, records, lines), `file` and `part` those the author looked at, `head` the
    row (from 1) of its headers, 0 for none. `columns` give the field of a column by its label (C, or the name of a
    field), `headers` what stood above it. `cut` separates the columns of a line, `split` the choices of one cell,
    `between` several keys of one item. `kinds` are types by the word that stands for them; `kind` is that of the
    others.
    `skip` and `headings` are rows of this very file; they are not kept, nor is its name.
    """

    form: str = "sheet"
    layout: ItemLayout = ItemLayout.ROWS
    file: str = ""
    part: str = ""
    head: int = 0
    cut: str = ""
    several: bool = False
    columns: dict[str, str] = {}
    headers: dict[str, str] = {}
    labels: dict[str, str] = {}
    split: str = ""
    writing: KeyWriting = KeyWriting.LETTERS
    mark: str = ""
    between: str = ""
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    kind: str = ""
    kinds: dict[str, str] = {}
    keys: KeyList = KeyList()
    rubbish: tuple[str, ...] = ()
    skip: tuple[int, ...] = ()
    headings: tuple[int, ...] = ()
    name: str = ""

    def column_of(self, field: str) -> str:
        """Return the label of the column that holds a field, "" for none."""
        return next((label for label, name in self.columns.items() if name == field), "")

    def has(self, *fields: str) -> bool:
        return any(name in fields for name in self.columns.values())

    @property
    def asks(self) -> bool:
        """Whether it says where the stems are."""
        return self.layout is ItemLayout.LINES or self.has("stem", "stem_choices")

    @property
    def shape(self) -> str:
        """What is the same for mappings of files of one shape: under it one is kept."""
        heads = sorted((name, self.headers.get(label, label)) for label, name in self.columns.items())
        places = [] if self.headers else sorted(self.columns.items())
        about = [self.form, self.layout, self.cut, heads, places, sorted(self.labels.items())]
        digest = hashlib.sha256(json.dumps(about, ensure_ascii=False).encode()).hexdigest()
        return f"{MAPPING}:{digest[:40]}"

    def kept(self, name: str) -> FileMapping:
        """Return what holds for other files of its shape, under a name."""
        keys = msgspec.structs.replace(self.keys, file=ANY if self.keys.file else "")
        return msgspec.structs.replace(
            self, skip=(), headings=(), file="", keys=keys, name=name[:LONGEST_NAME]
        )


def written(mapping: FileMapping) -> str:
    return msgspec.json.encode(mapping).decode()


def mapping_in(adjust: Adjustments) -> FileMapping | None:
    """Return the mapping among adjustments, None where there is none, or none that can be read."""
    return opened(adjust.get(MAPPING, ""))


def opened(text: str) -> FileMapping | None:
    """Return a mapping that was written, None for what is none."""
    if not text or len(text) > LONGEST:
        return None
    try:
        return msgspec.json.decode(text, type=FileMapping)
    except msgspec.DecodeError:
        return None


def check(mapping: FileMapping) -> None:
    """Raise the first of a mapping's faults."""
    for fault in faults(mapping):
        raise fault


def faults(mapping: FileMapping) -> Iterator[InvalidInput]:
    """Yield what is wrong with a mapping, each with the field of the form that it is about."""
    yield from _too_long(mapping)
    if mapping.layout is ItemLayout.ROWS:
        yield from _of_columns(mapping)
    elif not mapping.labels.get("number"):
        yield InvalidInput("bank.mapping.begin", field="label.number")
    yield from _of_keys(mapping)
    if mapping.kind not in ("", *KINDS) or any(
        kind not in ("", DERIVED, *KINDS) for kind in mapping.kinds.values()
    ):
        yield InvalidInput("bank.mapping.kind", field="kind")


def _of_columns(mapping: FileMapping) -> Iterator[InvalidInput]:
    if mapping.form == "lines" and not mapping.cut:
        yield InvalidInput("bank.mapping.cut", field="cut")
    if not mapping.asks:
        yield InvalidInput("bank.mapping.stem", field="columns")
    counts = Counter(name for name in mapping.columns.values() if name)
    twice = next((name for name, count in counts.items() if count > 1), "")
    if twice:
        labels = [label for label, name in mapping.columns.items() if name == twice]
        yield InvalidInput("bank.mapping.twice", field="columns", columns="、".join(labels), held=twice)
    if mapping.has("stem") and mapping.has("stem_choices"):
        yield InvalidInput("bank.mapping.two_stems", field="columns")
    letters = [name for name in CHOICES if mapping.has(name)]
    if letters and letters != list(CHOICES[: len(letters)]):
        gap = next(name for name, due in zip(letters, CHOICES, strict=False) if name != due)
        yield InvalidInput("bank.mapping.gap", field="columns", letter=gap[-1])
    if letters and mapping.has("choices", "stem_choices"):
        yield InvalidInput("bank.mapping.two_choices", field="columns")


def _of_keys(mapping: FileMapping) -> Iterator[InvalidInput]:
    keys, in_rows = mapping.keys, mapping.layout is ItemLayout.ROWS
    said = mapping.has("answer", *BLANKS) if in_rows else bool(mapping.labels.get("answer"))
    if mapping.writing is KeyWriting.MARK and not mapping.mark:
        yield InvalidInput("bank.mapping.mark", field="mark")
    elif mapping.writing is KeyWriting.FLAGS and not mapping.has("right"):
        yield InvalidInput("bank.mapping.flags", field="columns")
    elif keys.at is KeysAt.HERE and not said and mapping.writing not in (KeyWriting.MARK, KeyWriting.FLAGS):
        yield InvalidInput("bank.mapping.key" if in_rows else "bank.mapping.key_label", field="keys")
    if keys.at is KeysAt.PART and not keys.part and not keys.file:
        yield InvalidInput("bank.mapping.keys_part", field="keys_part")
    if keys.at is KeysAt.PART and bool(keys.number) != bool(keys.answer) and not keys.order:
        yield InvalidInput("bank.mapping.keys_columns", field="keys_answer")
    if keys.at is KeysAt.END and not keys.begins:
        yield InvalidInput("bank.mapping.keys_begin", field="keys_begin")
    both = set(mapping.right) & set(mapping.wrong)
    if both:
        yield InvalidInput("bank.mapping.verdicts", field="right", word=sorted(both)[0])


def _too_long(mapping: FileMapping) -> Iterator[InvalidInput]:
    signs = {"cut": mapping.cut, "split": mapping.split, "between": mapping.between, "mark": mapping.mark}
    words = [*mapping.right, *mapping.wrong, *mapping.rubbish, *mapping.kinds]
    yield from (
        InvalidInput("bank.mapping.long", field=field, limit=LONGEST_SIGN)
        for field, sign in signs.items()
        if len(sign) > LONGEST_SIGN
    )
    yield from (
        InvalidInput("bank.mapping.long", field=f"label.{field}", limit=LONGEST_LABEL)
        for field, sample in mapping.labels.items()
        if len(sample) > LONGEST_LABEL
    )
    if len(words) > 3 * MOST_WORDS or any(len(word) > LONGEST_WORD for word in words):
        yield InvalidInput("bank.mapping.words", field="rubbish", count=MOST_WORDS, limit=LONGEST_WORD)
    if len(mapping.columns) > MOST_COLUMNS or any(len(label) > LONGEST_COLUMN for label in mapping.columns):
        yield InvalidInput("bank.mapping.columns", field="columns", limit=MOST_COLUMNS)
    if not set(mapping.columns.values()) <= {"", *FIELDS} or not set(mapping.labels) <= set(LABELS):
        yield InvalidInput("bank.mapping.columns", field="columns", limit=MOST_COLUMNS)
    if len(mapping.keys.begins) > LONGEST_LABEL:
        yield InvalidInput("bank.mapping.long", field="keys_begin", limit=LONGEST_LABEL)
    if len(written(mapping)) > LONGEST:
        yield InvalidInput("bank.mapping.columns", field="columns", limit=MOST_COLUMNS)


_SPAN = re.compile(r"(\d{1,6})(?:\s*[-–—~～至]\s*(\d{1,6}))?")


def rows_said(text: str) -> tuple[int, ...]:
    """Return the rows of `3-5, 9`, at most `MOST_ROWS` of them; what is no number is passed over."""
    rows: set[int] = set()
    for first, last in _SPAN.findall(text[:2_000]):
        start = int(first)
        end = min(int(last) if last else start, start + MOST_ROWS)
        rows |= set(range(start, end + 1))
        if len(rows) > MOST_ROWS:
            break
    return tuple(sorted(rows)[:MOST_ROWS])


# Samples: how labels are written. A full-width sign is the same as a half-width one, and blanks do not matter.

_WIDTHS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_PIECE = re.compile(r"\d+|[一二三四五六七八九十]+|[①-⑳]|[A-Za-z]+|\s+|.")
NUMBERS = r"(\d{1,4})"


def plain(text: str) -> str:
    """Return a text in half width; each sign stays where it stands."""
    return text.translate(_WIDTHS)


def samples_of(text: str) -> list[str]:
    """Return the samples of one field: blanks stand between them."""
    return plain(text).split()


def pattern_of(sample: str, *, lettered: bool = False) -> re.Pattern[str]:
    """Return what a sample means: `1、` any number and 、, `(A)` any letter in brackets where it is `lettered`.

    What stands for any is the group; without any there is none, and the sample is what it says. Linear in its text.
    """
    pieces, wild = [], False
    for match in _PIECE.finditer(plain(sample)):
        text = match[0]
        if text.isspace():
            continue
        if wild:
            pieces.append(re.escape(text))
        elif text.isdigit() and text.isascii():
            pieces.append(r"(\d{1,4})")
        elif text[0] in "一二三四五六七八九十":
            pieces.append(r"([一二三四五六七八九十]{1,4})")
        elif "①" <= text[0] <= "⑳":
            pieces.append("([①-⑳])")
        elif lettered and text in ("A", "a"):
            pieces.append("([A-N])" if text == "A" else "([a-n])")
        else:
            pieces.append(re.escape(text))
        wild = wild or pieces[-1].startswith("(")
    body = r"\s{0,8}".join(pieces)
    return re.compile(body + (r"(?!\d)" if body.endswith((r"\.", "})")) else ""))


def number_of(text: str) -> int:
    """Return the place that a label says: 3, ③, 三, C or c."""
    if text.isascii() and text.isdigit():
        return int(text)
    if "①" <= text[0] <= "⑳":
        return ord(text[0]) - ord("①") + 1
    if text[0] in "一二三四五六七八九十":
        digits: Mapping[str, int] = {sign: place for place, sign in enumerate("一二三四五六七八九", 1)}
        tens, _ten, ones = text.partition("十")
        return (digits.get(tens, 1) * 10 if "十" in text else digits.get(tens, 0)) + digits.get(ones, 0)
    return ord(text[0].upper()) - ord("A") + 1
