"""One question in words: stem, choices and key as written, and the item that follows, or why there is none.

A key is letters, a verdict or the text of a choice, and words may stand after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from typing import Any

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.parts import FoundQuestion
from cbt.interchange.documents.structure import Choice, split_body, without_tag
from cbt.interchange.documents.terms import (
    BLANK,
    EMPTY,
    LETTERS,
    StemKey,
    folded,
    keys_in_stem,
    letters,
    verdict,
    without_last_blank,
)
from cbt.interchange.picture_marks import apart, drawn_up, has_mark, marks_in, texts_in, without
from cbt.items.exam_prose import blank_marks
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Finding, Place, Severity

_LETTERS_FIRST = re.compile(
    r"[（(【\[]?\s*([A-LＡ-Ｌ](?:[ 　]?[,，、]?[ 　]?[A-LＡ-Ｌ])*)\s*(?:[)）】\]]|(?=[\s.．、:：;；,，。(（【]))"
)
_VERDICT_FIRST = re.compile(
    r"[（(【\[]?\s*(正确|错误|不正确|不对|对|错|√|×|✓|✗|✔|✘|是|否)[)）】\]]?[\s,，。.;；:：（(【\n]+"
)
_PIECES = re.compile(r"(?:^|(?<=[\s;；,，、。]))([A-LＡ-Ｌ])\s*[:：.．、]\s*")
_WRAPPED = re.compile(r"[【\[（(]([^【】\[\]]*)[】\])）][。.]?", re.DOTALL)
_EDGE = re.compile(r"[\s　;；,，。.、|]+$|^[\s　:：、.．]+")
_MARKED = re.compile(
    r"[\s　]*[（(【\[]\s*(?:正确答案|正确选项|答案|正确|right|correct|√|✓|✔|对)\s*[)）】\]][\s　]*$"
    r"|[\s　]*[√✓✔☑✅][\s　]*$",
    re.IGNORECASE,
)
_MARKED_FIRST = re.compile(r"[√✓✔☑✅]\s*(?=\S)")


def letters_among(text: str, choices: Sequence[str]) -> str | None:
    """Return the letters a key names, by letters or by the choices' own text; None when it names none for sure."""
    key = letters(text)
    if key:
        return key
    pieces = _pieces(text)
    if pieces and all(_same(rest, _choice(letter, choices)) for letter, rest in pieces):
        return _sorted(letter for letter, _rest in pieces)
    if by_text := _by_text(text, choices):
        return by_text
    first = _LETTERS_FIRST.match(text)
    if first is None:
        return None
    rest = text[first.end() :].strip()
    named = letters(first[1])
    tail = _EDGE.sub("", rest)
    if named is None:
        return None
    others = [one for letter, one in zip(LETTERS, choices, strict=False) if letter not in named]
    if any(tail and folded(tail) == folded(one) for one in others):
        return None
    if rest[:1] in {"、", ".", "．"} and not (len(named) == 1 and _same(tail, _choice(named, choices))):
        return None
    return named


def verdict_among(text: str) -> bool | None:
    """Return the verdict a key begins with; words may follow (`错误，应为 24 小时`)."""
    truth = verdict(text)
    if truth is not None:
        return truth
    first = _VERDICT_FIRST.match(text)
    return verdict(first[1]) if first else None


def after_key(text: str) -> str:
    """Return the words after letters or a verdict, but for the choices' own."""
    if _pieces(text) or letters(text) or verdict(text) is not None:
        return ""
    first = _LETTERS_FIRST.match(text) or _VERDICT_FIRST.match(text)
    return _EDGE.sub("", text[first.end() :]).strip() if first else ""


def unmarked(text: str) -> tuple[str, bool]:
    """Return a choice without the mark that says it is right (`（正确答案）`, `√`), and whether there was one."""
    tail = _MARKED.search(text[-16:])
    if tail and len(text) > len(tail[0]):
        return text[: len(text) - len(tail[0])].rstrip(), True
    head = _MARKED_FIRST.match(text)
    return (text[head.end() :], True) if head else (text, False)


def _pieces(text: str) -> list[tuple[str, str]]:
    marks = list(_PIECES.finditer(text))
    ends = [*(one.start() for one in marks[1:]), len(text)]
    if not marks or marks[0].start() > 0:
        return []
    return [(folded(one[1]), text[one.end() : end]) for one, end in zip(marks, ends, strict=True)]


def _by_text(text: str, choices: Sequence[str]) -> str | None:
    by_text: dict[str, str] = {}
    for letter, choice in zip(LETTERS, choices, strict=False):
        if folded(choice) in by_text:
            return None
        by_text[folded(choice)] = letter
    inner = _WRAPPED.fullmatch(text.strip())
    text = inner[1] if inner and folded(text) not in by_text else text
    whole = folded(_EDGE.sub("", text))
    if whole in by_text:
        return by_text[whole]
    parts = [folded(one) for one in re.split(r"[;；\n|]", text) if one.strip()]
    if len(parts) > 1 and all(one in by_text for one in parts) and len(set(parts)) == len(parts):
        return _sorted(by_text[one] for one in parts)
    return None


def _choice(letter: str, choices: Sequence[str]) -> str:
    place = LETTERS.find(letter)
    return choices[place] if 0 <= place < len(choices) else "\0"


def _same(text: str, choice: str) -> bool:
    return folded(_EDGE.sub("", text)) == folded(_EDGE.sub("", choice))


def _sorted(texts: Iterable[str]) -> str | None:
    values = list(texts)
    return "".join(sorted(values)) if len(set(values)) == len(values) else None


MOST_TOLD = 200
DrawnLine = tuple[str, Line]
"""A line with pictures, and the file it stands in."""


def drawn_lines(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.pictures or line.drawn]


def gathered(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a question with those of nothing but pictures behind the lines before them."""
    done: list[Line] = []
    for line in lines:
        if done and line.bare:
            last = done[-1]
            done[-1] = replace(
                last, text=f"{last.text}\n{line.text}".strip(), pictures=last.pictures + line.pictures
            )
        else:
            done.append(line)
    return done


def behind_choices(choices: Sequence[str]) -> tuple[list[str], str]:
    """Return the choices, and the pictures in lines below the last of them where no other has one: the stem's."""
    moved = ""
    cleaned = list(choices)
    if cleaned and not any(map(has_mark, cleaned[:-1])):
        last, tail = apart(cleaned[-1])
        if tail.startswith("\n") and not has_mark(last):
            cleaned[-1], moved = last, tail
    return [drawn_up(one) for one in cleaned], moved


def key_alone(stated: str) -> tuple[str, str]:
    """Return a key of letters or a verdict without the pictures beside it, and these."""
    if not has_mark(stated):
        return stated, ""
    bare = without(stated).strip()
    if letters(bare) or verdict(bare) is not None:
        return bare, "".join(marks_in(stated))
    return stated, ""


def give_back(data: dict[str, Any], tail: str, own_beside: str) -> None:
    """Put the pictures behind a stem, and those beside its key, into a content."""
    if tail and "stem" in data and not set(marks_in(tail)) <= set(marks_in(data["stem"])):
        data["stem"] += tail
    if own_beside:
        data["explanation"] = f"{data.get('explanation', '')}\n{own_beside}".strip()


def lines_of(question: FoundQuestion) -> list[Line]:
    entry = [question.entry.line] if question.entry is not None else []
    return [question.line, *question.body, *question.absorbed, *entry, *chain(*question.fields.values())]


def lost_of(question: FoundQuestion, data: dict[str, Any]) -> int:
    """Return how many pictures of a question could not be handed on, or stand where nothing is read."""
    lines = [*question.body, *chain(*question.fields.values())]
    there = {one for line in lines for one in marks_in(line.text)}
    kept = {one for text in texts_in(data) for one in marks_in(text)} if there else set()
    return sum(line.pictures for line in lines) + len(there - kept)


def nowhere(
    drawn: Sequence[DrawnLine], questions: Sequence[FoundQuestion], contents: Sequence[Any], name: str
) -> Iterator[Finding]:
    """Yield the pictures of a document that stand in no question."""
    if not drawn:
        return
    lines = [line for question in questions for line in lines_of(question)]
    numbers = {line.number for line in lines}
    texts = chain((line.text for line in lines), texts_in(list(contents)))
    used = {one for text in texts for one in marks_in(text)}
    left: list[tuple[Place, str, int]] = []
    for file, line in drawn:
        count = sum(one not in used for one in marks_in(line.text))
        count += line.pictures if file != name or line.number not in numbers else 0
        if count:
            left.append((Place(file, line=line.number), without(line.text).strip(), count))
    for place, text, count in left[:MOST_TOLD]:
        yield Finding(Severity.HINT, "picture_nowhere", place, text, params={"count": count})
    if rest := left[MOST_TOLD:]:
        count = sum(count for _place, _text, count in rest)
        yield Finding(Severity.HINT, "picture_nowhere", rest[0][0], "", params={"count": count})


_LISTED = re.compile(
    r"[①-⑳⑴-⑽]|[（(]?\d{1,2}[)）.、．]|[-•·*]\s|[（(]?[一二三四五六七八九十ⅠⅡⅢⅣI]{1,3}[)）、.．]"
)
NEARLY = 14
"""A line that ends so near to the edge was broken there."""


@dataclass(slots=True, eq=False)
class WordedQuestion:
    """A question as its file words it."""

    source: FoundQuestion
    kind: str
    stem: str
    choices: list[str]
    stated: str
    """What is written as its key beside the stem, "" for nothing."""
    inside: list[StemKey]
    ticked: str
    """The letters of choices that carry a tick or （正确答案）."""
    marks: dict[str, str]
    """By mark (bold, color:FF0000): the letters of the choices that carry it."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(code, value) of what does not fit in its words."""
    tail: str = ""
    """The pictures behind its stem, which says nothing of them while type and key are found."""
    told: str = ""
    """The pictures beside its key."""
    joined: list[Line] = field(default_factory=list)
    """Lines that were taken as going on with a choice and may be something else."""

    @property
    def empty_blank(self) -> bool:
        return EMPTY.search(self.stem) is not None


def asked(question: FoundQuestion, edge: int) -> WordedQuestion:
    """Return a question in words; `edge` is how wide lines are where the file breaks them, 0 where it does not."""
    first, kind = without_tag(question.body[0].text) if question.body else ("", "")
    lines = list(question.body)
    if lines and first != lines[0].text:
        start = lines[0].text.find(first)
        lines[0] = lines[0].cut(start, start + len(first)) if start >= 0 else lines[0]
    body = split_body(gathered(lines))
    choices, ticked = _choices(body.choices, edge)
    choices, moved = behind_choices(choices)
    stem, tail = apart(joined(body.stem, edge) + moved)
    stated, own_beside = key_alone(_stated(question))
    if not kind and body.stem and len(body.stem) > 0:
        stem, kind = _tagged(stem)
    made = WordedQuestion(
        source=question,
        kind=question.kind or kind or question.section.kind,
        stem=stem,
        choices=choices,
        stated=stated,
        inside=keys_in_stem(stem),
        ticked=ticked,
        marks=_marks(body.choices),
        faults=[(code, "") for code in body.faults],
        tail=tail,
        told=own_beside,
    )
    made.joined += _unlikely(body.stem, edge)
    made.faults += [("text_keys_differ", "")] if _second_key(question) else []
    for choice in body.choices:
        made.joined += [
            line
            for before, line in zip(choice.lines, choice.lines[1:], strict=False)
            if not edge or before.wide < edge - NEARLY
        ]
    return made


def _unlikely(stem: Sequence[Line], edge: int) -> list[Line]:
    """Return the lines of a stem that go on after a line that seemed whole, and are no list."""
    return [
        line
        for before, line in pairwise(stem)
        if not (edge and before.wide >= edge - NEARLY)
        and not before.text.endswith(("：", ":", "；", ";", "，", "、"))
        and not _LISTED.match(line.text)
    ]


def _second_key(question: FoundQuestion) -> bool:
    """Say whether a question has two keys after it that are not the same."""
    again = question.fields.get("again", [])
    first = " ".join(line.text for line in question.fields.get("key", [])[:1])
    second = " ".join(line.text for line in again)
    if not again or folded(first) == folded(second):
        return False
    alike = letters(first) is not None and letters(first) == letters(second)
    return not alike and (verdict(first) is None or verdict(first) != verdict(second))


def joined(lines: Sequence[Line], edge: int) -> str:
    """Return lines as one text: those broken at the edge go on, others stay lines."""
    text = ""
    for place, line in enumerate(lines):
        if place:
            broken = edge and lines[place - 1].wide >= edge - NEARLY
            latin = (
                text[-1:].isascii()
                and text[-1:].isalnum()
                and line.text[:1].isascii()
                and line.text[:1].isalnum()
            )
            text += (" " if latin else "") if broken else "\n"
        text += line.text
    return text.strip()


def _tagged(stem: str) -> tuple[str, str]:
    head, newline, tail = stem.partition("\n")
    if not newline:
        return without_tag(stem)
    done, kind = without_tag(head)
    return f"{done}{newline}{tail}", kind


def _choices(choices: Sequence[Choice], edge: int) -> tuple[list[str], str]:
    texts, ticked = [], ""
    for letter, choice in zip(LETTERS, choices, strict=False):
        text, right = unmarked(joined(choice.lines, edge))
        texts.append(text)
        ticked += letter if right or choice.ticked else ""
    return texts, ticked


def _stated(question: FoundQuestion) -> str:
    if question.entry is not None:
        return question.entry.token
    written = question.fields.get("key", [])
    return "\n".join(line.text for line in written).strip() or question.token


def _marks(choices: Sequence[Choice]) -> dict[str, str]:
    marks: dict[str, str] = {}
    for letter, choice in zip(LETTERS, choices, strict=False):
        names = {name for line in choice.lines for name, _start, _end in line.marks}
        for name in names:
            if sum(line.share(name) for line in choice.lines) >= 0.6 * len(choice.lines):
                marks[name] = marks.get(name, "") + letter
    return marks


def same_choices(texts: Sequence[str]) -> bool:
    plain = [folded(one) for one in texts]
    return len(set(plain)) != len(plain)


TEXTS = {ItemType.FILL_BLANK, ItemType.SHORT_ANSWER}
_MOST = 5_000
_USUAL = 500


@dataclass(slots=True)
class Settled:
    """What became of a question: its content, or the codes of why there is none; what was only understood."""

    data: dict[str, Any]
    errors: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    hints: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)
    """Codes of what its file does not say: `type`, `mark`, `text_key`, `truth_letters`."""

    def wrong(self, code: str, name: str, **params: object) -> None:
        self.errors.append((code, name, {"field": name, **params}))


def settle_text(question: WordedQuestion, kind: str, done: Settled) -> None:
    """Settle a question whose key is words: 填空, or 简答 and its like."""
    written, blanks = _unwrapped(question.stated), len(EMPTY.findall(question.stem))
    if not any(one.isalnum() for one in written):
        written = ""
    if not kind and not written:
        done.wrong("text_no_key", "answer")
        return
    if not kind and letters(written):
        done.wrong("text_no_choices", "choices")
        return
    if not kind:
        done.inferred.append("type")
    if question.choices and not kind:
        done.wrong("text_no_choices", "choices")
        return
    stem = question.stem if not question.choices else joined(question.source.body, 0)
    if kind == ItemType.FILL_BLANK or (not kind and blanks and _blanks(written, blanks)):
        keys = _blanks(written, blanks) if written else None
        if not written and not blanks and (inside := _INSIDE.findall(stem)):
            done.inferred.append("fill_inside")
            stem, keys, blanks = (
                _INSIDE.sub("（　　）", stem),
                [["".join(one)] for one in inside],
                len(inside),
            )
        if keys is None:
            done.wrong("answer_blanks" if written else "text_no_key", "answer", count=blanks)
            return
        marked, _count = blank_marks(stem, EMPTY)
        done.data |= {"type": str(ItemType.FILL_BLANK), "stem": marked, "answer": keys}
        return
    if not written:
        done.wrong("text_no_key", "answer")
        return
    if len(written) > _MOST:
        done.wrong("text_answer_long", "answer", limit=_MOST)
        return
    limit: Mapping[str, int] = {} if len(written) <= _USUAL else {"limit": _MOST}
    done.data |= {"type": str(ItemType.SHORT_ANSWER), "stem": stem, "answer": written, **limit}


_INSIDE = re.compile(r"[（(]\s*([^（()）]{1,60}?)\s*[)）]|(?<!_)_+\s*([^_（()）]{1,60}?)\s*_+")


def _unwrapped(text: str) -> str:
    """Return a key without the brackets around all of it."""
    if text.endswith(("）", ")")) and not any(one in text for one in "（("):
        return text[:-1].rstrip()
    depth, inner = 0, text[1:-1]
    if text[:1] not in set("（(【[") or text[-1:] not in set("）)】]"):
        return text
    for line in inner:
        depth += (line in "（(【[") - (line in "）)】]")
        if depth < 0:
            return text
    return inner.strip()


def _blanks(written: str, count: int) -> list[list[str]] | None:
    """Return the words of each blank, separated in the first way that gives as many as there are blanks."""
    if count == 1:
        return [[written.strip()]]
    numbered = [one.strip(" 　;；,，。") for one in re.split(r"[①-⑳]|[（(]\d{1,2}[)）]", written)[1:]]
    if count > 1 and len(numbered) == count and all(numbered):
        return [[one] for one in numbered]
    for between in (r"[;；\n]+", r"[|｜]+", r"[，,]+", r"、+", r"[\s　]+", r"[\s　]{2,}"):
        parts = [
            re.sub(r"^[（(]?\d{1,2}(?:[)）、]|\.(?!\d))\s*", "", one.strip())
            for one in re.split(between, written)
        ]
        parts = [one for one in parts if one]
        if count and len(parts) == count:
            return [[one] for one in parts]
    return None


_LEVELS = {
    "易": 1,
    "容易": 1,
    "简单": 1,
    "较易": 2,
    "中": 3,
    "中等": 3,
    "一般": 3,
    "适中": 3,
    "较难": 4,
    "难": 5,
    "困难": 5,
}


def beside(question: WordedQuestion, done: Settled) -> None:
    """Take what stands beside a question: explanation, difficulty, the code of its point."""
    fields = question.source.fields
    explanation = "\n".join(line.text for line in fields.get("explanation", ())).strip()
    if not explanation and done.data.get("type") not in {*map(str, TEXTS), None}:
        explanation = after_key(question.stated)
    if explanation and explanation not in {"无", "略", "暂无"}:
        done.data["explanation"] = explanation
    difficulty = "".join(line.text for line in fields.get("difficulty", ())).strip(" 。.;；）)")
    level = int(difficulty) if difficulty in {"1", "2", "3", "4", "5"} else _LEVELS.get(difficulty)
    if level:
        done.data["difficulty"] = level
    agreed = "".join(line.text for line in fields.get("consistency", ()))
    if agreed in {"1", "2", "3", "4", "5"}:
        done.data["consistency"] = int(agreed)
    point = "".join(line.text for line in fields.get("point", ())).strip()
    if re.fullmatch(r"[A-Za-z](?:\s*[-－—]\s*[A-Za-z])*\s*[-－—]\s*\d{1,3}", point):
        done.data["point"] = point


CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Habits:
    """What holds for a whole file: whether keys stand in stems, by which mark, which letter means right."""

    inside: bool
    leading: bool = False
    """Whether a bracket with the key leads stems that have an empty one, too."""
    mark: str = ""
    right_letter: str = "A"
    many: str = ""
    """The type of questions whose heading says 选择 or nothing, "" by the letters of their keys."""


def settle(question: WordedQuestion, habits: Habits) -> Settled:
    """Return type, stem, choices and key of a question."""
    done = Settled({})
    for code, value in question.faults:
        done.wrong(code, "choices", text=value, first="", second="")
    if not question.stem:
        done.wrong("missing", "stem")
    kind = question.kind
    if len(question.choices) >= 2 and kind not in TEXTS:
        if kind == ItemType.TRUE_FALSE or (not kind and _verdicts(question.choices)):
            _truth_by_choices(question, habits, done)
        else:
            _choice_content(question, kind, habits, done)
    elif kind in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE, CHOICE}:
        done.wrong("text_no_choices", "choices")
    elif kind == ItemType.TRUE_FALSE or (not kind and _reads_as_truth(question)):
        _truth(question, habits, done)
    else:
        settle_text(question, kind, done)
    beside(question, done)
    give_back(done.data, question.tail, question.told)
    if not done.errors and not str(done.data.get("stem", "")).strip():
        done.wrong("missing", "stem")
    return done


def _verdicts(choices: list[str]) -> bool:
    return len(choices) == 2 and {verdict(one) for one in choices} == {True, False}


def _choice_content(question: WordedQuestion, kind: str, habits: Habits, done: Settled) -> None:
    stem, key = _key_of_choice(question, habits, done)
    if same_choices(question.choices):
        done.wrong("text_choices_same", "choices")
    if key is None:
        return
    beyond = [letter for letter in key if LETTERS.index(letter) >= len(question.choices)]
    if beyond:
        done.wrong("answer_no_choice", "answer", letter=beyond[0], last=LETTERS[len(question.choices) - 1])
        return
    if kind == ItemType.SINGLE_CHOICE and len(key) > 1:
        done.wrong("answer_one_letter", "answer")
        return
    if kind not in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}:
        done.inferred.append("type")
        kind = habits.many or (ItemType.MULTIPLE_CHOICE if len(key) > 1 else ItemType.SINGLE_CHOICE)
        if kind == ItemType.SINGLE_CHOICE and len(key) > 1:
            done.wrong("answer_one_letter", "answer")
    if kind == ItemType.MULTIPLE_CHOICE and len(key) == 1:
        done.hints.append(("text_key_single_of_many", "answer", {}))
    done.data |= {"type": str(kind), "stem": stem, "choices": question.choices, "answer": key}


def _key_of_choice(question: WordedQuestion, habits: Habits, done: Settled) -> tuple[str, str | None]:
    """Return the stem without its key and the key; None, with a finding, where none or more than one is written."""
    inside = [(letters(found.token), found) for found in question.inside]
    inside = [(key, found) for key, found in inside if key]
    stated = letters_among(question.stated, question.choices) if question.stated else None
    if question.stated and stated is None:
        done.wrong("answer_letters", "answer")
        return question.stem, None
    if question.ticked and stated and stated != question.ticked:
        done.wrong("text_keys_differ", "answer", first=stated, second=question.ticked)
        return question.stem, None
    stated = stated or question.ticked or None
    if len(inside) == 1 and not question.empty_blank:
        key, stem_key = inside[0]
        if stated is None or stated == key:
            return stem_key.stem, key
        if habits.inside:
            done.wrong("text_keys_differ", "answer", first=stated, second=key or "")
            return question.stem, None
        done.hints.append(("text_bracket_kept", "stem", {"text": stem_key.token}))
        return question.stem, stated
    if stated is not None:
        return question.stem, stated
    if habits.leading and len(inside) == 1 and inside[0][1].stem.startswith(BLANK):
        return without_tag(inside[0][1].stem.removeprefix(BLANK).lstrip())[0], inside[0][0]
    if len(inside) > 1:
        done.wrong("text_keys_differ", "answer", first=inside[0][0] or "", second=inside[1][0] or "")
        return question.stem, None
    if found_text := _text_inside(question):
        done.inferred.append("text_key")
        return found_text
    if habits.mark and question.marks.get(habits.mark):
        done.inferred.append("mark")
        return question.stem, question.marks[habits.mark]
    done.wrong("text_no_key", "answer")
    return question.stem, None


_BRACKETS = re.compile(r"[（(]([^（()）]{1,60})[)）]")


def _text_inside(question: WordedQuestion) -> tuple[str, str] | None:
    """Return the stem and the letter where the only bracket of a stem holds the text of one choice."""
    places = {folded(text): letter for letter, text in zip(LETTERS, question.choices, strict=False)}
    matches = [match for match in _BRACKETS.finditer(question.stem) if folded(match[1]) in places]
    if len(matches) != 1 or question.empty_blank:
        return None
    match = matches[0]
    return f"{question.stem[: match.start()]}{BLANK}{question.stem[match.end() :]}", places[folded(match[1])]


def _truth_by_choices(question: WordedQuestion, habits: Habits, done: Settled) -> None:
    """Read the key of a 判断 through its choices: A may be 错."""
    verdicts = [verdict(text) for text in question.choices]
    if not _verdicts(question.choices):
        done.wrong("text_truth_choices", "choices")
        return
    written = (
        question.stated
        or question.ticked
        or next((found.token for found in question.inside if found.last), "")
    )
    if not written and (written := question.marks.get(habits.mark, "")):
        done.inferred.append("mark")
    key = letters(written)
    truth: bool | None
    if key and len(key) == 1 and LETTERS.index(key) < 2 and verdict(written) is None:
        truth = verdicts[LETTERS.index(key)]
    elif key_text := letters_among(written, question.choices) if written else None:
        truth = verdicts[LETTERS.index(key_text)] if len(key_text) == 1 and key_text in "AB" else None
    else:
        truth = verdict_among(written)
    if truth is None:
        done.wrong("answer_truth" if written else "text_no_key", "answer")
        return
    if not question.kind:
        done.inferred.append("type")
    stem = next((found.stem for found in question.inside if found.last), question.stem)
    done.data |= {"type": str(ItemType.TRUE_FALSE), "stem": without_last_blank(stem), "answer": truth}


def _reads_as_truth(question: WordedQuestion) -> bool:
    if question.stated:
        return verdict_among(question.stated) is not None and len(question.stated) < 40
    if any(found.last and verdict(found.token) is not None for found in question.inside):
        return True
    return _TAIL.search(question.stem[-8:]) is not None


def _truth(question: WordedQuestion, habits: Habits, done: Settled) -> None:
    inside = [found for found in question.inside if found.last and _verdict(found.token, habits) is not None]
    if question.stated or len(inside) > 1:  # （A） may be an ampere where a key is written elsewhere
        inside = [found for found in inside if verdict(found.token) is not None]
    stated = verdict_among(question.stated) if question.stated else None
    if question.stated and stated is None and (key := letters(question.stated)) in {"A", "B"}:
        stated = key == habits.right_letter
        done.inferred.append("truth_letters")
    if question.stated and stated is None:
        done.wrong("answer_truth", "answer")
        return
    stem, truth = question.stem, stated
    if len(inside) == 1:
        within = _verdict(inside[0].token, habits)
        if stated is not None and within != stated:
            done.wrong("text_keys_differ", "answer", first=question.stated, second=inside[0].token)
            return
        if letters(inside[0].token) and verdict(inside[0].token) is None:
            done.inferred.append("truth_letters")
        stem, truth = inside[0].stem, within
    if truth is None:
        bare = _TAIL.search(stem[-8:])
        if bare and not inside:
            truth, stem = verdict(bare[1]), stem[: len(stem) - len(bare[0])].rstrip()
    if truth is None or len(inside) > 1:
        done.wrong("text_no_key" if len(inside) < 2 else "text_keys_differ", "answer", first="", second="")
        return
    if not question.kind:
        done.inferred.append("type")
    done.data |= {"type": str(ItemType.TRUE_FALSE), "stem": without_last_blank(stem), "answer": truth}


_TAIL = re.compile(r"[\s　]*([√×✓✗✔✘])[\s　。.]*$")


def _verdict(token: str, habits: Habits) -> bool | None:
    truth = verdict(token)
    if truth is None and (key := letters(token)) in {"A", "B"}:
        return key == habits.right_letter
    return truth
