"""What stands in the braces of a GIFT question, as an item."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cbt.bank.foreign import markdown, plain, questions
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.gift.escapes import shown

_TRUTH = re.compile(r"(T|TRUE|F|FALSE)", re.IGNORECASE)
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d+)?)%")
_FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
_ALL = Decimal(100)


@dataclass(frozen=True, slots=True)
class GiftAnswer:
    """One answer: `=` or `~`, its weight in per cent or None, its text as written, its feedback.

    `whole` is the text with what may be a weight before it.
    """

    mark: str
    weight: Decimal | None
    text: str
    feedback: str
    whole: str = ""

    @property
    def worth(self) -> Decimal:
        """Return what it earns, in per cent."""
        return self.weight if self.weight is not None else (_ALL if self.mark == "=" else Decimal(0))


class Texts:
    """Texts of one question in its kind; what is lost of them is remarked on."""

    def __init__(self, found: Gleaning, kind: str) -> None:
        """Take the kind that stands before the question."""
        self.found, self._kind = found, kind

    def of(self, raw: str, *, strip: bool = True) -> str:
        """Return a text as the Markdown of an item."""
        kind = self._kind
        if told := _FORMAT.match(raw.lstrip()):
            kind, raw = told[1].lower(), raw.lstrip()[told.end() :]
        text = shown(raw)
        if kind == "markdown":
            return text.strip() if strip else text
        if kind == "html" or (kind == "moodle" and plain.looks_like_html(text)):
            return self._html(text if kind == "html" else text.strip().replace("\n", "<br>"))
        return plain.literal(text.strip() if strip else text)

    def _html(self, text: str) -> str:
        done = markdown.from_html(text)
        for code, value in done.lost:
            self.found.hint(code, value)
        return done.markdown


def item_of(found: Gleaning, before: str, inner: str, after: str, kind: str) -> dict[str, Any]:
    """Return the item of a question: the text before its braces, what stands in them, the text after them."""
    texts = Texts(found, kind)
    inner, general = _parted(inner)
    more = questions.explained(texts.of(general), [])
    tail = after.strip()
    plain = inner.strip()
    if not plain:
        return questions.short_answer(_stem(texts, before, after, " "), "") | more
    if plain.startswith("#"):
        return _numeric(texts, _stem(texts, before, after, "{{1}}"), plain[1:], more, blank=not tail)
    truth, *feedback = plain.split("#")
    if _TRUTH.fullmatch(truth.strip()):
        said = [texts.of(one) for one in feedback]
        told = "\n\n".join(one for one in [more.get("explanation", ""), *said] if one)
        answer = truth.strip().upper().startswith("T")
        return questions.true_false(_stem(texts, before, after, " "), answer) | questions.explained(told, [])
    answers = _answers(inner)
    if all(one.mark == "=" for one in answers) and any("->" in one.text for one in answers):
        return _matching(texts, _stem(texts, before, after, " "), answers) | more
    if any(one.mark == "~" for one in answers):
        return _choice(found, texts, _stem(texts, before, after, questions.BLANK), answers, general)
    return _fill(found, texts, _stem(texts, before, after, "{{1}}"), answers, general, blank=not tail)


def _stem(texts: Texts, before: str, after: str, gap: str) -> str:
    """Return the text around the braces, with `gap` for them where words follow."""
    if not after.strip():
        return texts.of(before)
    return texts.of(before.lstrip() + "\ufdef" + after.rstrip(), strip=False).replace("\ufdef", gap).strip()


def _parted(inner: str) -> tuple[str, str]:
    head, _sign, general = inner.partition("####")
    return head, general


def _answers(inner: str) -> list[GiftAnswer]:
    pieces = re.split(r"([=~])", inner)
    if pieces[0].strip():
        raise LeftOut("open_braces", shown(inner))
    found = []
    for mark, text in zip(pieces[1::2], pieces[2::2], strict=True):
        weight = _WEIGHT.match(text.lstrip())
        rest = text.lstrip()[weight.end() :] if weight else text
        said, _sign, feedback = rest.partition("#")
        share = Decimal(weight[1]) if weight else None
        found.append(GiftAnswer(mark, share, said, feedback, text.partition("#")[0]))
    return found


def _choice(
    found: Gleaning, texts: Texts, stem: str, answers: list[GiftAnswer], general: str
) -> dict[str, Any]:
    """One right answer, or several whose weights come to all of it."""
    several = all(one.mark == "~" for one in answers) and any(one.worth > 0 for one in answers)
    right = [one.worth > 0 if several else one.worth >= _ALL for one in answers]
    if not several and any(0 < one.worth < _ALL for one in answers):
        found.hint("open_weights", stem)
    choices = [(texts.of(one.text), sound) for one, sound in zip(answers, right, strict=True)]
    said = [(letter, texts.of(one.feedback)) for letter, one in zip(questions.LETTERS, answers, strict=False)]
    data = questions.choice(stem, choices, multiple=several)
    return data | questions.explained(texts.of(general), said)


def _fill(
    found: Gleaning, texts: Texts, stem: str, answers: list[GiftAnswer], general: str, *, blank: bool
) -> dict[str, Any]:
    """Each full answer is a spelling."""
    if any(0 < one.worth < _ALL for one in answers):
        found.hint("open_weights", stem)
    kept = [one for one in answers if one.worth >= _ALL]
    said = [(shown(one.text).strip(), texts.of(one.feedback)) for one in answers]
    spellings = [shown(one.text).strip() for one in kept if shown(one.text).strip()]
    data = questions.fill(questions.with_blank(stem) if blank else stem, [spellings])
    return data | questions.explained(texts.of(general), said)


def _matching(texts: Texts, stem: str, answers: list[GiftAnswer]) -> dict[str, Any]:
    split = [one.whole.partition("->") for one in answers]
    pairs = [(texts.of(left), texts.of(right)) for left, _sign, right in split]
    extras = [right for left, right in pairs if not left and right]
    return questions.matching(stem, [pair for pair in pairs if pair[0]], extras)


def _numeric(texts: Texts, stem: str, inner: str, more: dict[str, Any], *, blank: bool) -> dict[str, Any]:
    answers = _answers(inner) if inner.lstrip()[:1] in {"=", "~"} else [_whole(inner)]
    full = [one for one in answers if one.worth >= _ALL and one.text.strip()]
    if len(full) != 1:
        raise LeftOut("open_numbers" if full else "open_no_key", shown(stem))
    read = _number(shown(full[0].text))
    if read is None:
        raise LeftOut("open_number", shown(full[0].text))
    if len([one for one in answers if one.worth > 0]) > 1:
        texts.found.hint("open_weights", stem)
    said = [(shown(one.text).strip(), texts.of(one.feedback)) for one in answers]
    data = questions.numeric(questions.with_blank(stem) if blank else stem, *read)
    return data | questions.explained(more.get("explanation", ""), said)


def _whole(inner: str) -> GiftAnswer:
    text, _sign, feedback = inner.partition("#")
    return GiftAnswer("=", None, text, feedback)


def _number(text: str) -> tuple[Decimal, Decimal] | None:
    """Return a number and its tolerance: `3`, `3:0.5` or `1..5`."""
    low, dots, high = text.partition("..")
    ends = questions.number(low), questions.number(high)
    if dots:
        if ends[0] is None or ends[1] is None or ends[0] > ends[1]:
            return None
        return questions.between(ends[0], ends[1])
    value, _sign, width = text.partition(":")
    answer, tolerance = questions.number(value), questions.number(width or "0")
    if answer is None or tolerance is None or tolerance < 0:
        return None
    return answer, tolerance
