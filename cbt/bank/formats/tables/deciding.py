"""Which type each item of a table is, who says so, and how the table writes right and wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cbt.bank.formats.cells import plain
from cbt.bank.formats.tables.building import scale_in
from cbt.bank.formats.tables.cells.keys import bare, letters_in
from cbt.bank.formats.tables.cells.kinds import DERIVED, derive, heading_type, item_type, named_type, verdicts
from cbt.bank.formats.tables.itemrow import Sense
from cbt.bank.formats.tables.ready import ReadyItem, ReadyTable
from cbt.bank.imports.drafts import Adjustments
from cbt.rules.items.values import ItemType

TYPE_CHOICES = (
    ItemType.SINGLE_CHOICE,
    ItemType.MULTIPLE_CHOICE,
    ItemType.TRUE_FALSE,
    ItemType.FILL_BLANK,
    ItemType.NUMERIC,
    ItemType.SHORT_ANSWER,
)
_TEXTUAL = {ItemType.FILL_BLANK, ItemType.NUMERIC, ItemType.SHORT_ANSWER}
_MOST = 0.9
_FEW = 5
_VERDICT_SETS = ({"A", "B"}, {"0", "1"}, {"1", "2"})
_EXPLAINED = re.compile(r"A\s*(?:[.．、：:=]|为|是|表示|代表|选项)*\s*[“\"]?(正确|对|√|错误|错|×)")


@dataclass(frozen=True, slots=True)
class Decided:
    """The type of an item, or the code of why it has none; `source` says who named it, `word` with what."""

    kind: ItemType | str
    source: str
    word: str = ""


def decide(table: ReadyTable, *, sheet: str, file: str, adjust: Adjustments) -> list[Decided]:
    """Return the type of each item of a table: as a cell, its heading, the sheet or the file says, else derived."""
    found = [_said(one, sheet, file, adjust, table) for one in table.items]
    _by_file(found)
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(found):
        if each.source == "word":
            by_word[each.word].append(place)
    for word, places in by_word.items():
        _of_one_word(word, places, found, table)
    verdicts_alone = _lone_verdicts(table, found)
    for place in verdicts_alone:
        found[place] = Decided(ItemType.TRUE_FALSE, found[place].source, found[place].word)
    return found


def _said(one: ReadyItem, sheet: str, file: str, adjust: Adjustments, table: ReadyTable) -> Decided:
    answer = effective_answer(one)
    if word := one.raw.type.strip():
        if chosen := adjust.get(f"type:{word}"):
            return _chosen(chosen, one, "word", word, table)
        kind = item_type(word, choices=len(one.choices), answer=answer)
        if kind in {"type_unknown", DERIVED} or _is_choice_after_all(kind, one):
            return Decided(_derived(one, table), "word", word)
        return Decided(kind, "cell", word)
    if one.named:
        kind = named_type(one.named)
        return (
            Decided(_derived(one, table), "word", one.named)
            if kind == DERIVED
            else Decided(kind, "cell", one.named)
        )
    for source, text in (("heading", one.raw.heading), ("sheet", sheet), ("file", file)):
        if text and (chosen := adjust.get(f"type:{text}")):
            return _chosen(chosen, one, source, text, table)
        kind = heading_type(text) if text else ""
        if kind == DERIVED and source != "file":
            return Decided(_derived(one, table), "derived", sheet)
        if kind and kind != DERIVED and _fits(kind, one, table, source):
            return Decided(kind if source != "file" else _derived(one, table), source, text)
    return Decided(_derived(one, table), "derived", sheet)


def _by_file(found: list[Decided]) -> None:
    """Have the name of a file decide where it fits most of its items: names are often left over."""
    places = [place for place, each in enumerate(found) if each.source == "file"]
    kind = heading_type(found[places[0]].word) if places else ""
    if isinstance(kind, ItemType) and sum(found[place].kind == kind for place in places) >= 0.6 * len(places):
        for place in places:
            if isinstance(found[place].kind, ItemType):
                found[place] = Decided(kind, "file", found[place].word)


def _chosen(value: str, one: ReadyItem, source: str, word: str, table: ReadyTable) -> Decided:
    kinds = {kind.value: kind for kind in TYPE_CHOICES}
    return Decided(kinds[value] if value in kinds else _derived(one, table), f"{source}!", word)


def _is_choice_after_all(kind: ItemType | str, one: ReadyItem) -> bool:
    """Return whether an item is called 计算 or 填空 for what it asks, and is answered by a letter."""
    return kind in _TEXTUAL and len(one.choices) > 1 and letters_in(effective_answer(one)) is not None


def _fits(kind: ItemType | str, one: ReadyItem, table: ReadyTable, source: str) -> bool:
    """Return whether what a heading or a name says can be: names of sheets and files are often left over."""
    if source == "heading":
        return not (kind in _TEXTUAL and _is_choice_after_all(kind, one))
    derived = _derived(one, table)
    if kind in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}:
        return bool(one.choices) and (derived != ItemType.TRUE_FALSE or len(one.choices) != 2)
    if kind == ItemType.TRUE_FALSE:
        return not one.choices or verdicts(one.choices) is not None
    if kind == "type_unsupported":
        return source == "sheet" and not one.choices
    return not _is_choice_after_all(kind, one)


def effective_answer(one: ReadyItem) -> str:
    """Return the key of an item wherever it stands."""
    if one.rights is not None:
        return one.rights
    return (
        one.answer
        or one.bracket
        or (one.in_stem[0].text if len(one.in_stem) == 1 else "")
        or "；".join(one.raw.blanks)
    )


def _derived(one: ReadyItem, table: ReadyTable) -> ItemType | str:
    answer = effective_answer(one)
    if not answer and len(one.in_stem) > 1 and one.choices:
        lettered = [key.text for key in one.in_stem if key.kind == "letters"]
        answer = lettered[0] if len(lettered) == 1 else ""
    if not answer:
        return "missing"
    if one.raw.blanks and not one.answer:
        return ItemType.FILL_BLANK
    if not one.choices and letters_in(answer) is not None:
        text = plain(bare(answer))
        return ItemType.TRUE_FALSE if text in {"T", "F"} else "type_ask"
    if not one.choices and one.in_stem and one.in_stem[0].kind == "truth" and not one.answer:
        return ItemType.TRUE_FALSE
    return derive(one.choices, answer, one.stem, table.base, table.prefer)


def _of_one_word(word: str, places: Sequence[int], found: list[Decided], table: ReadyTable) -> None:
    """Give all items of a word the type that nearly all of them have; 选择题 says both of two."""
    if named_type(word) == DERIVED:
        return
    kinds = Counter(found[place].kind for place in places if isinstance(found[place].kind, ItemType))
    if not kinds:
        return
    kind, count = kinds.most_common(1)[0]
    multiple = ItemType.MULTIPLE_CHOICE
    if kind == multiple and set(kinds) <= {multiple, ItemType.SINGLE_CHOICE} and count >= 0.6 * kinds.total():
        count = kinds.total()
    if count >= _MOST * kinds.total() and len(kinds) > 1:
        for place in places:
            if isinstance(found[place].kind, ItemType):
                found[place] = Decided(kind, "word", word)


def _lone_verdicts(table: ReadyTable, found: Sequence[Decided]) -> list[int]:
    """Return the untyped items without choices whose keys are two values throughout: A and B, 1 and 0, 1 and 2."""
    lone = [
        place
        for place, (one, each) in enumerate(zip(table.items, found, strict=True))
        if each.kind == "type_ask" and not one.choices and each.source in {"derived", "word"}
    ]
    said = {_figure(table.items[place].answer) for place in lone}
    return lone if len(lone) >= 4 and said in _VERDICT_SETS else []


def _figure(text: str) -> str:
    said = plain(bare(text))
    return said[0] if re.fullmatch(r"[012]\.0+", said) else said


def sense_of(
    table: ReadyTable,
    decided: Sequence[Decided],
    explained: Sequence[str],
    adjust: Adjustments,
    sheet: str,
) -> Sense:
    """Return how a table writes its keys and its difficulty."""
    sense = Sense(base=table.base, prefer=table.prefer)
    if (said := adjust.get(f"keys:{sheet}", "")) in {"0", "1"}:
        sense.base = int(said)
    lone = [
        _figure(one.answer or one.bracket)
        for one, each in zip(table.items, decided, strict=True)
        if each.kind == ItemType.TRUE_FALSE and verdicts(one.choices) is None
    ]
    sense.right = _right(set(lone), explained, adjust.get(f"truth:{sheet}", ""))
    lettered = sum(any(key.kind == "letters" for key in one.in_stem) for one in table.items if one.choices)
    sense.bracketed = lettered > 0.3 * max(sum(bool(one.choices) for one in table.items), 1)
    scales = [one.raw.difficulty for one in table.items if one.raw.difficulty]
    sense.scaled = (
        sum(scale_in(text) is not None for text in scales) >= 0.5 * len(scales) or len(scales) < _FEW
    )
    return sense


def _right(values: set[str], explained: Sequence[str], chosen: str) -> dict[str, bool]:
    """Return which of 0, 1, 2, A and B stand for right and wrong in a table."""
    if chosen in {"A", "B"}:
        return {"A": chosen == "A", "B": chosen == "B"}
    if chosen in {"0", "1", "2"}:
        return {other: other == chosen for other in ("0", "1", "2")}
    right: dict[str, bool] = {}
    digits = values & {"0", "1", "2"}
    if digits and digits != {"0", "1", "2"} and digits != {"0", "2"}:
        right |= {one: one == "1" for one in digits}
    if values & {"A", "B"} and not values & set("CDEFGH"):
        said = next((found[1] for text in explained if (found := _EXPLAINED.search(text))), "对")
        first = said in {"正确", "对", "√"}
        right |= {"A": first, "B": not first}
    return right
