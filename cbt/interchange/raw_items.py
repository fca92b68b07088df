"""Raw items: what a reader in its child found, items in the author's words and remarks, as plain data.

Here is also what all readers share: fields of each type of item made from plain values, and facts that
stand in tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from cbt.errors import InvalidInput

MOST_ITEMS = 20_000
MOST_NOTES = 40_000
MOST_OF_ONE, MOST_PICTURES = 5 * 1024 * 1024, 40 * 1024 * 1024
MOST_MEDIA = 2_000
"""Pictures and sounds of one file that are handed on, whatever their size."""
LONGEST_WORDS = 200
MEDIUM = "\ufdd0{}\ufdd1{}\ufdd2"
"""Stands in a text for a picture or a sound of its item: its key, and the words for who cannot see it."""
Look = Callable[[str], "bytes | None"]
"""Finds what an address in a text names, in the file that is read and nowhere else."""


def _nowhere(_source: str) -> bytes | None:
    return None


class RawItem(msgspec.Struct, frozen=True, array_like=True):
    """One item: its ref or "", its content, and where it stands; `file` is the entry of an archive or ""."""

    ref: str
    data: dict[str, Any]
    file: str
    line: int
    pictures: dict[str, bytes] = {}


class RawNote(msgspec.Struct, frozen=True, array_like=True):
    """One remark: whether it keeps its item out, its code, where, which item (by its place), what stands there."""

    blocks: bool
    code: str
    file: str
    line: int
    value: str
    params: dict[str, str]


class RawReading(msgspec.Struct, frozen=True, array_like=True):
    """Everything of one file."""

    items: list[RawItem]
    notes: list[RawNote]


_GRADES = tuple(
    Decimal(whole) / part
    for part, wholes in {
        1: (0, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100),
        3: (100, 200),
        6: (100, 500),
        7: (100,),
        8: (100,),
        9: (100,),
    }.items()
    for whole in wholes
)
"""The shares of full marks that Moodle knows, in per cent, and their negatives."""
_NEARLY = Decimal("0.5")
"""Thirds are written 33 and 33.3, too."""


def checked_grade(worth: Decimal, said: str) -> Decimal:
    """Return a share of full marks; raise LeftOut("open_grade") for one that Moodle refuses."""
    if not any(abs(abs(worth) - grade) < _NEARLY for grade in _GRADES):
        raise LeftOut("open_grade", said)
    return worth


class LeftOut(Exception):
    """An item that cannot come in; `code` says why, `value` what was met."""

    def __init__(self, code: str, value: object = "", **params: object) -> None:
        super().__init__(code)
        self.code, self.value = code, str(value)
        self.params = {name: str(one) for name, one in params.items()}


class Gleaning:
    """Collects items and remarks of one file; `file` and `line` say where the reader stands."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.items: list[RawItem] = []
        self.notes: list[RawNote] = []
        self.file = ""
        self.line = 0
        self.look: Look = _nowhere
        self._pictures: dict[str, bytes] = {}
        self._keys: dict[bytes, str] = {}
        self._size = self._count = 0

    @property
    def pictures(self) -> dict[str, bytes]:
        """Return what was handed on since the last item began, by its keys."""
        return self._pictures

    def hint(self, code: str, value: object = "", **params: object) -> None:
        """Remark on something that keeps nothing out."""
        self._note(False, code, str(value), params)

    def wrong(self, code: str, value: object = "", **params: object) -> None:
        """Remark on something that does not come in."""
        self._note(True, code, str(value), params)

    def add(self, ref: str, data: dict[str, Any], pictures: dict[str, bytes] | None = None) -> None:
        """Take one item; raise InvalidInput("bank.too_many_items") for one more than a file may hold."""
        if len(self.items) >= MOST_ITEMS:
            raise InvalidInput("bank.too_many_items", limit=MOST_ITEMS)
        kept = {**self._pictures, **(pictures or {})}
        self.items.append(RawItem(ref, data, self.file, self.line, kept))

    def medium(self, source: str, words: str) -> str | None:
        """Return what stands for a picture or a sound until it is taken in, None where it is not at hand."""
        body = self.look(source)
        if body is None:
            return None
        key = self._keys.get(body) or self._kept(body)
        return MEDIUM.format(key, re.sub(r"[\]\[\s]+", " ", words).strip()[:LONGEST_WORDS]) if key else None

    def _kept(self, body: bytes) -> str:
        """Return the key under which a picture or a sound is handed on, "" for one too many or too large."""
        if len(body) > MOST_OF_ONE or self._size + len(body) > MOST_PICTURES or self._count >= MOST_MEDIA:
            return ""
        self._size, self._count = self._size + len(body), self._count + 1
        key = self._keys[body] = str(len(self._pictures))
        self._pictures[key] = body
        return key

    @contextmanager
    def item(self, file: str, line: int) -> Iterator[None]:
        """Stand at an item; one that is left out becomes a remark, and what was said of it before is dropped."""
        self.file, self.line, count = file, line, len(self.notes)
        self._pictures, self._keys = {}, {}
        try:
            yield
        except LeftOut as reason:
            del self.notes[count:]
            self.wrong(reason.code, reason.value, **reason.params)

    def encoded(self) -> bytes:
        return msgspec.msgpack.encode(RawReading(self.items, self.notes))

    def _note(self, blocks: bool, code: str, value: str, params: dict[str, object]) -> None:
        if len(self.notes) >= MOST_NOTES:
            raise InvalidInput("bank.too_many_items", limit=MOST_ITEMS)
        texts = {name: str(one) for name, one in params.items()}
        self.notes.append(RawNote(blocks, code, self.file, self.line, value[:500], texts))


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = "（　　）"
EMPTY = "_____"
"""Stands in a text of Moodle where something is to be typed."""
GAP = "\ufdef"
"""Stands for that place while the text is read."""
USUAL_LIMIT, MOST_LIMIT = 500, 5000
_MOST_PLACES = 60
_SPACE = "[ \t\xa0\u3000]"
_SHOWN_BLANK = re.compile(rf"(?:\\?_){{2,}}|（{_SPACE}*）|\({_SPACE}*\)|\[{_SPACE}+\]")
_WILD, _STROKES = re.compile(r"(?<!\\)\*"), re.compile(r"_{5,}")
_FIVE = re.compile(r"(?<!_)(?:\\?_){5,}")
_POINT = re.compile(r"(?<![0-9A-Za-z-])([A-Z](?:-[A-Z]){0,4}-\d{3})(?![0-9A-Za-z-])")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_FACT = re.compile(r"([^:=：]{1,40})[:=：](.{1,200})", re.DOTALL)
_FURTHER = re.compile(r"([a-z]{1,20})/([2-9]|[1-9]\d)")
_NO_TAG = re.compile(r"[<>`\x00-\x1f\x7f]|\s\s")
MOST_OF_A_TAG = 50
"""So many characters of a tag Moodle keeps."""
_NAMES = {"鉴定点": "point", "难度": "difficulty", "一致性": "consistency", "法规": "law"}
_WHOLE = frozenset({"difficulty", "consistency", "decimals", "limit", "unit"})
_TEXT = frozenset({"point", "law", "compute"})
_FLAG = frozenset({"fixed_order"})
_ENEMY = "enemy"


def choice(
    stem: str, choices: Sequence[tuple[str, bool]], *, multiple: bool, fixed: bool = False
) -> dict[str, Any]:
    """Return a choice item of texts and whether each is right; LeftOut when none is, or one too many."""
    right = [place for place, (_text, sound) in enumerate(choices) if sound]
    if not right:
        raise LeftOut("open_no_key", stem)
    if len(right) > 1 and not multiple:
        raise LeftOut("open_any_right", stem)
    if len(choices) > len(LETTERS):
        raise LeftOut("open_type", f"{len(choices)} choices")
    return {
        "type": "multiple_choice" if multiple else "single_choice",
        "stem": stem,
        "choices": [text for text, _sound in choices],
        "answer": "".join(LETTERS[place] for place in right),
        **({"fixed_order": True} if fixed else {}),
    }


def true_false(stem: str, answer: bool) -> dict[str, Any]:
    return {"type": "true_false", "stem": stem, "answer": answer}


def fill(stem: str, answer: Sequence[Sequence[str]], words: Sequence[str] = ()) -> dict[str, Any]:
    """Return a 填空 whose stem has its blanks; the spellings of each are listed once."""
    spellings = [list(dict.fromkeys(one)) for one in answer]
    if not all(spellings):
        raise LeftOut("open_no_key", stem)
    return {
        "type": "fill_blank",
        "stem": stem,
        "answer": spellings,
        **({"word_bank": list(words)} if words else {}),
    }


def numeric(stem: str, answer: Decimal, tolerance: Decimal) -> dict[str, Any]:
    """Return a 计算 whose stem has its blank; it shows as many decimals as its key has."""
    places = max(0, -int(answer.as_tuple().exponent))
    return {
        "type": "numeric",
        "stem": stem,
        "answer": f"{answer:f}",
        "decimals": places,
        "tolerance": f"{tolerance:f}",
    }


def matching(stem: str, pairs: Sequence[tuple[str, str]], extras: Iterable[str] = ()) -> dict[str, Any]:
    """Return a 匹配; an extra that is some left's right is none."""
    rights = {right for _left, right in pairs}
    more = [text for text in dict.fromkeys(extras) if text not in rights]
    return {
        "type": "matching",
        "stem": stem,
        "pairs": [list(pair) for pair in pairs],
        **({"extra_options": more} if more else {}),
    }


def ordering(stem: str, steps: Sequence[str]) -> dict[str, Any]:
    """Return a 排序 of steps in their right order."""
    return {"type": "ordering", "stem": stem, "steps": list(steps)}


def short_answer(stem: str, answer: str, limit: int = 0) -> dict[str, Any]:
    """Return a 简答 with its model answer; its limit takes that in."""
    most = limit or (USUAL_LIMIT if len(answer) <= USUAL_LIMIT else MOST_LIMIT)
    return {"type": "short_answer", "stem": stem, "answer": answer, "limit": most}


def with_blank(stem: str) -> str:
    """Return a stem with {{1}} in its one empty place, which Moodle marks by five strokes, else at its end."""
    matches = list(_FIVE.finditer(stem))
    if len(matches) != 1:
        matches = list(_SHOWN_BLANK.finditer(stem))
    if len(matches) == 1:
        return stem[: matches[0].start()] + "{{1}}" + stem[matches[0].end() :]
    return f"{stem}{{{{1}}}}"


def gap_marked(raw: str) -> str:
    """Return a text with GAP for the one place that Moodle marks by five strokes, as it is with none or several."""
    places = list(_STROKES.finditer(raw))
    return f"{raw[: places[0].start()]}{GAP}{raw[places[0].end() :]}" if len(places) == 1 else raw


def with_gap(stem: str) -> str:
    """Return a stem with {{1}} for its GAP, else in its one empty place."""
    return stem.replace(GAP, "{{1}}", 1) if GAP in stem else with_blank(stem)


def sound_spellings(gleaning: Gleaning, spellings: Iterable[str]) -> list[str]:
    """Return spellings without those that stand for many: `*` is any text in Moodle, and `\\*` a star."""
    all_spellings = list(spellings)
    wild = [spelling for spelling in all_spellings if _WILD.search(spelling)]
    if wild and len(wild) == len(all_spellings):
        raise LeftOut("open_wildcard", wild[0])
    for spelling in wild:
        gleaning.hint("open_wildcard_left", spelling)
    return [one.replace("\\*", "*") for one in all_spellings if one not in wild and one]


def starred(word: str) -> str:
    return word.replace("*", "\\*")


def number(text: str) -> Decimal | None:
    """Return a number as open formats write it, or None."""
    plain = text.strip().replace(",", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", plain, re.ASCII):
        return None
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        return None
    _sign, digits, exponent = amount.as_tuple()
    return amount if len(digits) <= _MOST_PLACES and abs(int(exponent)) <= _MOST_PLACES else None


def between(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """Return the middle of a range and how far its ends are from it."""
    return (low + high) / 2, (high - low) / 2


def explained(general: str, each: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the explanation: what is said to everybody, then what is said to each answer."""
    lines = [text for text in (general, *(f"{name}：{text}" for name, text in each if text)) if text]
    return {"explanation": "\n\n".join(lines)} if lines else {}


def point_in(text: str) -> str:
    """Return the last code of a 鉴定点 in the name of a category, "" when there is none."""
    codes = _POINT.findall(text)
    return str(codes[-1]) if codes else ""


def ref_of(text: str) -> str:
    """Return a text as an item's ref, "" when it is none."""
    return text.strip() if _REF.fullmatch(text.strip()) else ""


def facts(tags: Iterable[str]) -> dict[str, Any]:
    """Return the fields of an item that stand in its tags, such as `difficulty:3`; other tags say nothing."""
    fields: dict[str, Any] = {}
    further: dict[str, list[tuple[int, str]]] = {}
    for tag in tags:
        if tag.strip() in _FLAG:
            fields[tag.strip()] = True
        elif match := _FACT.fullmatch(tag.strip()):
            name, value = _NAMES.get(match[1].strip(), match[1].strip()), match[2].strip()
            if name in _WHOLE and value.isascii() and value.isdigit() and len(value) < 5:
                fields[name] = int(value)
            elif name in _TEXT:
                fields[name] = value
            elif name == _ENEMY:
                fields["enemies"] = [*fields.get("enemies", []), value]
            elif (place := _FURTHER.fullmatch(name)) and place[1] in _TEXT:
                further.setdefault(place[1], []).append((int(place[2]), value))
    for name, pieces in further.items():
        if name in fields:
            fields[name] += "".join(text for _place, text in sorted(pieces))
    return fields


def short_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as Moodle keeps them: a long one in pieces, `law:` and `law/2:`; none that it would change."""
    short = list[str]()
    for tag in tags:
        name, _sign, rest = tag.partition(":")
        if _NO_TAG.search(tag) or (len(tag) > MOST_OF_A_TAG and name not in _TEXT):
            continue
        head, place = f"{name}:" if rest else name, 1
        while len(head) + len(rest) > MOST_OF_A_TAG:
            cut = MOST_OF_A_TAG - len(head)
            while cut > 1 and (rest[cut].isspace() or rest[cut - 1].isspace()):
                cut -= 1
            short.append(head + rest[:cut])
            place, rest = place + 1, rest[cut:]
            head = f"{name}/{place}:"
        short.append(head + rest)
    return short


def part_facts(tags: Iterable[str], number: int) -> dict[str, Any]:
    """Return the fields of one part of a case that stand in its tags, such as `2/difficulty:3`."""
    head = f"{number}/"
    return facts(tag.strip()[len(head) :] for tag in tags if tag.strip().startswith(head))


def tags_of(data: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the tags that say what a format has no place for: the other way of `facts`."""
    tags = []
    for name in names:
        value = data.get(name)
        if name == "enemies":
            tags += [f"{_ENEMY}:{one}" for one in value or ()]
        elif value is True:
            tags.append(name)
        elif value is not None and value is not False and value != "":
            tags.append(f"{name}:{value}")
    return tags
