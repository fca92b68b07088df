"""单选, as an author meets it and in a workbook, and what it shares with 多选."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import BLANK, EMPTY_BLANK, is_emphasised, is_negative
from cbt.items.types.editor import LETTERS as CHOICE_COLUMNS
from cbt.items.types.editor import (
    Authoring,
    Fields,
    PutRight,
    SentItem,
    SheetMapping,
    SheetRow,
    outside,
    padded,
)
from cbt.rules.items.content import LETTERS
from cbt.spreadsheets.findings import Finding, Place, Severity

_BETWEEN = re.compile(r"[\s,;、，；.|/和与]+")
_LETTER_LABEL = re.compile(r"^[A-HＡ-Ｈ][.．、:：]\s*")
_ALL_OR_NONE = re.compile(r"(以上|上述)(都|均|全)?(选项)?(都|均|全)?(是|对|正确|不对|不是|错误|不正确|包括)")


class ChoicesAuthoring(Authoring):
    """One blank in the stem, choices without letters and stops, none that speaks of the others."""

    usual: ClassVar[tuple[int, ...]]
    """How many choices such an item has as a rule."""
    single: ClassVar[bool]

    def read_choices(self, row: SheetRow, choices: Sequence[str], data: dict[str, Any]) -> list[Finding]:
        """Read the choices, which must stand side by side."""
        data["choices"] = filled = [text for text in choices if text]
        gap = choices.index("") if "" in choices else len(choices)
        if gap >= len(filled):
            return []
        return [row.error("choice_gap", f"choice_{LETTERS[gap]}", letter=LETTERS[gap])]

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read letters however they are separated; each must have a choice."""
        letters, choices = letters_of(row.text("answer")), len(data["choices"])
        if letters is None:
            return [row.error("answer_letters", "answer")]
        beyond = [letter for letter in letters if LETTERS.index(letter) >= choices]
        if beyond:
            last = LETTERS[choices - 1] if choices else "—"
            return [row.error("answer_no_choice", "answer", letter=beyond[0], last=last)]
        if self.single and len(letters) > 1:
            return [row.error("answer_one_letter", "answer")]
        data["answer"] = letters
        return []

    def tidy(self, put_right: PutRight) -> None:
        put_right("blank", "stem", lambda text: EMPTY_BLANK.sub(BLANK, text))
        put_right("choice_label", "choices", lambda text: _LETTER_LABEL.sub("", text))
        put_right("choice_stop", "choices", lambda text: text.rstrip("。；;．"))

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield an unusual number of choices, 以上都对, a stem without its one blank, plain negations."""
        stem, texts, usual = str(data["stem"]), data["choices"], self.usual
        if len(texts) not in usual:
            shown = "–".join(str(count) for count in (usual[0], usual[-1])[: len(usual)])
            yield draft.find(
                Severity.HINT, "choices_count", f"{prefix}choices", count=len(texts), usual=shown
            )
        for n, text in enumerate(texts, 1):
            if _ALL_OR_NONE.search(text):
                yield draft.find(Severity.HINT, "all_or_none", f"{prefix}choices.{n}", text)
        if stem.count(BLANK) != 1:
            yield draft.find(Severity.HINT, "one_blank", f"{prefix}stem", stem)
        if is_negative(stem) and not is_emphasised(stem):
            yield draft.find(Severity.HINT, "negative_plain", f"{prefix}stem", stem)

    def says(self, data: Mapping[str, Any]) -> list[str]:
        return [str(data["choices"][LETTERS.index(letter)]) for letter in data["answer"]]

    def blank(self) -> dict[str, Any]:
        return {"choices": [""] * self.usual[0], "answer": ""}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """The choices that say something; the marks of their rows are the key."""
        rows = [" ".join(text.split()) for text in sent.texts("choices")]
        marked = set(sent.marked("answer"))
        filled = [place for place, text in enumerate(rows) if text][: len(LETTERS)]
        return {
            "choices": [rows[place] for place in filled],
            "answer": "".join(LETTERS[n] for n, place in enumerate(filled) if place in marked),
            "fixed_order": bool(sent.text("fixed_order")),
        }

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"choices": padded(data.get("choices"), 2)[: len(LETTERS)], "answer": "A"}


def letters_of(cell: str) -> str | None:
    """Return the sorted letters of a choice answer however they are separated, or None."""
    text = _BETWEEN.sub("", unicodedata.normalize("NFKC", cell).upper())
    if not text or any(letter not in LETTERS for letter in text) or len(set(text)) != len(text):
        return None
    return "".join(sorted(text))


LETTER_SHARE = (Fraction(20, 100), Fraction(30, 100))
TELLTALE_SHARE = (Fraction(0), Fraction(35, 100))
NEGATIVE_SHARE = (Fraction(0), Fraction(10, 100))


class SingleChoiceAuthoring(ChoicesAuthoring):
    """One of the choices, and in a whole bank nothing that tells which."""

    codes: ClassVar = ("B", "单选")
    shorts: ClassVar = ("单", "SC", "DANXUAN")
    words: ClassVar = r"单选|单项|单一选择|一选|radio|single"
    letter: ClassVar = "S"
    usual: ClassVar = (4,)
    single: ClassVar = True

    def shares(self, items: Sequence[Mapping[str, Any]], where: Place) -> Iterator[Finding]:
        """Yield letters that are right too often, keys that stand out by their length, too many negations."""
        letters = Counter(data["answer"] for data in items)
        for letter in LETTERS[:4]:
            share = Fraction(letters[letter], len(items))
            yield from outside(share, LETTER_SHARE, "letter_share", where, letter=letter)
        for code, sign in (("key_longest", 1), ("key_shortest", -1)):
            telling = Fraction(sum(_stands_out(data, sign) for data in items), len(items))
            yield from outside(telling, TELLTALE_SHARE, code, where)
        negative = Fraction(sum(is_negative(data["stem"]) for data in items), len(items))
        yield from outside(negative, NEGATIVE_SHARE, "negative_share", where)

    def asked(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [(str(data["stem"]), self.says(data)[0])]

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> str:
        """One letter."""
        return LETTERS[rng.randrange(len(item["choices"]))]


def _stands_out(data: Mapping[str, Any], sign: int) -> bool:
    """Return whether the key is strictly the longest (1) or the shortest (-1) choice."""
    lengths = [sign * len(text) for text in data["choices"]]
    key = lengths.pop(LETTERS.index(data["answer"]))
    return key > max(lengths)


AUTHORING = SingleChoiceAuthoring()


CARRIED = frozenset({"choices", "answer"})


def back(data: Fields, _stem: str, _answer: str) -> Fields | None:
    """Return nothing else, None where there are more choices than columns."""
    return {} if len(data["choices"]) <= len(CHOICE_COLUMNS) else None


MAPPING = SheetMapping("B", "单选题", CARRIED, back=back)
