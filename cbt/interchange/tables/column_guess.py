"""Columns without headers, guessed by what stands in their cells, and choices in rows below a stem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cbt.interchange.tables.cells import (
    has_blank,
    keys_in_stem,
    labelled,
    leading_number,
    letters_in,
    looks_like_key,
    numbers_in,
    same,
    separator_of,
    structured,
)
from cbt.interchange.tables.item_types import named_type
from cbt.interchange.tables.rows import is_choice_line
from cbt.interchange.tables.sheet import CHOICES, LEFT_OUT, Table

SAMPLE = 400
MOST = 0.8
SENTENCE = re.compile(r"[？?。]\s*$")


@dataclass(frozen=True, slots=True)
class GuessedColumn:
    """What stands in one column."""

    place: int
    values: Sequence[str]
    rows: int

    def share(self, test: object) -> float:
        assert callable(test)
        return sum(bool(test(text)) for text in self.values) / len(self.values) if self.values else 0.0

    @property
    def filled(self) -> float:
        return len(self.values) / max(self.rows, 1)

    @property
    def length(self) -> float:
        return sum(map(len, self.values)) / len(self.values) if self.values else 0.0

    @property
    def varied(self) -> bool:
        return len(set(self.values)) > 1 or len(self.values) < 4

    @property
    def counts(self) -> bool:
        """Whether it counts its rows."""
        numbers = [int(text) for text in self.values if text.isdigit() and len(text) < 7]
        steps = sum(b - a == 1 for a, b in pairwise(numbers))
        return len(numbers) >= MOST * len(self.values) > 0 and steps >= 0.7 * max(len(numbers) - 1, 1)


def set_column(table: Table, name: str, column: GuessedColumn | None) -> None:
    if column is not None and name not in table.columns:
        table.columns[name] = column.place
        table.guessed[column.place] = name


def is_figure(text: str) -> bool:
    return len(text) <= 16 and (numbers_in(text) is not None or looks_like_key(text))


def is_kind(text: str) -> bool:
    return len(text) <= 12 and bool(named_type(text))


def explains(table: Table, run: Sequence[GuessedColumn]) -> bool:
    """Return whether the last of the columns behind a stem says why: it speaks where the others are silent."""
    *others, last = run
    rows = [
        row
        for row in range(table.start, min(table.end, table.start + SAMPLE))
        if table.page.cell(row, last.place)
    ]
    alone = sum(not table.page.cell(row, others[-1].place) for row in rows)
    usual = sum(one.length for one in others) / len(others)
    return alone > 0.1 * len(rows) or last.length > max(2.5 * usual, 12)


def guess_stacked(table: Table, rows: Sequence[int]) -> bool:
    """Take a sheet for one of several rows an item: rows of choices below the stem."""
    page = table.page
    firsts = [(row, page.filled(row)[0]) for row in rows]
    labelled_rows = [(row, c) for row, c in firsts if is_choice_line(page.cell(row, c))]
    alternating = _alternates(table, rows)
    if len(labelled_rows) < 0.2 * len(rows) and not alternating:
        return False
    table.joined = alternating
    chosen = {row for row, _c in labelled_rows} | alternating
    others = [row for row in rows if row not in chosen]
    texts = [
        next(
            (
                c
                for c in page.filled(row)
                if not page.cell(row, c).isdigit()
                and not is_kind(page.cell(row, c))
                and not _is_key(page.cell(row, c))
            ),
            None,
        )
        for row in others
    ]
    places = [c for c in texts if c is not None]
    if not places:
        return False
    stem = max(set(places), key=places.count)
    table.columns["stem"], table.guessed[stem] = stem, "stem"
    core = [row for row in others if len(page.filled(row)) > 1] or others
    for c in range(table.left, table.right + 1):
        values = [text for row in core if (text := page.cell(row, c))]
        column = GuessedColumn(c, values, len(core))
        if c == stem or column.filled < 0.5:
            continue
        if c < stem and column.share(str.isdigit) >= MOST:
            set_column(table, "number", column)
        elif column.share(is_figure) >= MOST and c > stem:
            set_column(table, "answer", column)
        elif column.share(named_type) >= MOST:
            set_column(table, "type", column)
    return True


def _is_key(text: str) -> bool:
    return looks_like_key(text)


def _alternates(table: Table, rows: Sequence[int]) -> set[int]:
    """Return every second row, where each row of a stem is followed by one of its choices."""
    page = table.page
    if len(rows) < 4:
        return set()
    pairs = list(zip(rows[::2], rows[1::2], strict=False))
    fits = 0
    for first, second in pairs:
        texts = [page.cell(first, c) for c in page.filled(first)]
        choices = [page.cell(second, c) for c in page.filled(second)]
        longest = max(texts, key=len)
        stem_like = (
            has_blank(longest) or bool(keys_in_stem(longest, ["", ""])) or bool(SENTENCE.search(longest))
        )
        rows_fit = len(choices) >= 2 or labelled(choices[0]) is not None
        fits += stem_like and rows_fit and len(texts) <= 3 and not has_blank(max(choices, key=len))
    return set(rows[1::2]) if fits >= 0.9 * len(pairs) else set()


_POINT = re.compile(r"[A-Z](?:[-－—–][A-Z0-9]){1,4}[-－—–]\d{1,3}|\d{4,9}(?:-\d+)?", re.IGNORECASE)
_DIFFICULTY = re.compile(r"[1-5]|易|较易|中|中等|较难|难|简单|一般|困难|容易")
_PIECES = re.compile(r"[|;；\n]")
_LABEL = re.compile(r"^\s*[A-Ha-h]\s*[.．、:：]\s*")


def guess(table: Table) -> None:
    """Find the columns of a table without headers, or those its headers do not tell."""
    rows = [row for row in range(table.start, table.end) if table.page.filled(row, table.left, table.right)]
    rows = rows[:SAMPLE]
    if not rows:
        return
    if not table.columns and guess_stacked(table, rows):
        return
    wide = [row for row in rows if len(table.page.filled(row)) > 1] or rows
    taken = set(table.columns.values()) | {c for c, name in table.meanings.items() if name == LEFT_OUT}
    columns = [
        GuessedColumn(c, [text for row in wide if (text := table.page.cell(row, c))], len(wide))
        for c in range(table.left, table.right + 1)
        if c not in taken
    ]
    columns = [one for one in columns if one.values]
    if table.columns:
        _complete(table, columns)
    else:
        _from_nothing(table, columns)


def _complete(table: Table, columns: list[GuessedColumn]) -> None:
    """Find what the headers of a table do not tell."""
    unknown = [one for one in columns if not table.meanings.get(one.place)]
    if "stem" not in table.columns:
        texts = [one for one in unknown if one.length >= 6 and one.filled >= 0.5]
        set_column(table, "stem", max(texts, key=lambda one: one.length, default=None))
    _more_choices(table, unknown)
    if not table.has("answer", "right", "blank_1"):
        stems = table.values(table.columns["stem"])[:SAMPLE] if "stem" in table.columns else []
        inside = sum(bool(keys_in_stem(stem, ["", ""])) for stem in stems)
        keys = [
            one
            for one in unknown
            if one.place not in table.guessed and one.share(looks_like_key) >= MOST and one.varied
        ]
        if 2 * inside < len(stems) or not stems:
            set_column(table, "answer", next(iter(keys), None))
    if "type" not in table.columns:
        guessed_columns = [
            column
            for c, name in table.meanings.items()
            if name == LEFT_OUT and (column := GuessedColumn(c, table.values(c)[:SAMPLE], 1)).values
        ]
        kinds = [
            one
            for one in (*guessed_columns, *unknown)
            if one.share(is_kind) >= MOST and one.place not in table.columns.values()
        ]
        set_column(table, "type", next(iter(kinds), None))


def _more_choices(table: Table, unknown: list[GuessedColumn]) -> None:
    """A header 选项 over the first of several columns means them all; so do columns without one beside a stem."""
    free = {one.place: one for one in unknown if not table.headers.get(one.place)}
    if "choices" in table.columns:
        first = table.columns["choices"]
        run = [first]
        while run[-1] + 1 in free:
            run.append(run[-1] + 1)
        if len(run) > 1 and not table.of("choice_"):
            del table.columns["choices"]
            for name, place in zip(CHOICES, run, strict=False):
                table.columns[name] = place
                table.guessed[place] = name
        return
    if table.has("right", "blank_1") or "stem" not in table.columns:
        return
    names = table.of("choice_")
    start = table.columns[names[-1]] if names else table.columns["stem"]
    for name in CHOICES[len(names) :]:
        start += 1
        if start not in free or (names and free[start].length > 60):
            break
        if not names and free[start].share(looks_like_key) >= MOST:
            break
        table.columns[name] = start
        table.guessed[start] = name


def _from_nothing(table: Table, columns: list[GuessedColumn]) -> None:
    numbers = [one for one in columns if one.counts]
    set_column(table, "number", next(iter(numbers), None))
    rest = [one for one in columns if one.place not in table.guessed]
    kinds = [one for one in rest if one.share(is_kind) >= MOST and one.share(_is_truth_word) < MOST]
    set_column(table, "type", next(iter(kinds), None))
    rest = [one for one in rest if one.place not in table.guessed]
    points = [one for one in rest if one.share(_POINT.fullmatch) >= MOST]
    set_column(table, "point", next(iter(points), None))
    rest = [one for one in rest if one.place not in table.guessed]
    stem = _stem(rest)
    if stem is None:
        return
    set_column(table, "stem", stem)
    rest = [one for one in rest if one is not stem]
    keys = _keys(table, stem, rest)
    set_column(table, "answer", keys)
    rest = [one for one in rest if one is not keys and one.place > stem.place]
    _choices(table, stem, keys, rest)
    left = [one for one in rest if one.place not in table.guessed]
    set_column(
        table, "difficulty", next((one for one in left if one.share(_DIFFICULTY.fullmatch) >= MOST), None)
    )
    left = [one for one in left if one.place not in table.guessed]
    after = [one for one in left if keys is not None and one.place > keys.place and one.length >= 8]
    set_column(table, "explanation", next(iter(after), None))


def _is_truth_word(text: str) -> bool:
    return len(text) <= 2 and looks_like_key(text)


def _stem(columns: Sequence[GuessedColumn]) -> GuessedColumn | None:
    texts = [one for one in columns if (one.length >= 6 or one.share(_asks) >= 0.5) and one.filled >= 0.5]
    texts = [one for one in texts if one.share(_lists_choices) < 0.5] or texts
    if not texts:
        return None
    asking = [one for one in texts if one.share(_asks) >= 0.5]
    if asking:
        return asking[0]
    longest = max(one.length for one in texts)
    return next(one for one in texts if one.length >= 0.6 * longest)


def _lists_choices(text: str) -> bool:
    named = labelled(text)
    return structured(text) is not None or (named is not None and not named[0])


def _asks(text: str) -> bool:
    return (
        has_blank(text)
        or bool(SENTENCE.search(text))
        or leading_number(text) is not None
        or bool(keys_in_stem(text, ["", ""]))
    )


def _keys(table: Table, stem: GuessedColumn, columns: Sequence[GuessedColumn]) -> GuessedColumn | None:
    letters = [one for one in columns if one.share(looks_like_key) >= MOST and one.varied]
    lettered = [one for one in letters if one.share(letters_in) >= 0.3 and one.filled >= 0.8]
    if lettered:
        return lettered[0]
    full = [one for one in letters if one.filled >= 0.6 and not one.share(str.isdigit) >= MOST]
    if full:
        return full[-1]
    for column in reversed(columns):
        if column.filled >= 0.6 and _is_text_key(table, column, columns, stem):
            return column
    numbers = [
        one
        for one in columns
        if one.share(is_figure) >= MOST and one.varied and not one.counts and one.filled >= 0.8
    ]
    return next(iter(numbers), None)


def _is_text_key(
    table: Table, key: GuessedColumn, columns: Sequence[GuessedColumn], stem: GuessedColumn
) -> bool:
    """Return whether the cells of a column are each the text of other cells in their row, or a verdict."""
    hits = texts = total = 0
    for row in range(table.start, min(table.end, table.start + SAMPLE)):
        text = table.page.cell(row, key.place)
        if not text or len(text) > 200:
            continue
        total += 1
        if looks_like_key(text):
            hits += 1
            continue
        cells = [table.page.cell(row, one.place) for one in columns if one is not key]
        others = [same(cell) for cell in (*cells, table.page.cell(row, stem.place).partition("&")[2]) if cell]
        pieces = [same(_LABEL.sub("", piece)) for piece in _PIECES.split(text) if piece.strip()]
        fits = all(any(piece in other for other in others) for piece in pieces)
        hits += fits
        texts += fits
    return texts > 0 and hits >= MOST * total


def _choices(
    table: Table, stem: GuessedColumn, keys: GuessedColumn | None, columns: Sequence[GuessedColumn]
) -> None:
    if keys is None or keys.place > stem.place + 1 or keys.place < stem.place:
        first, last = (
            stem.place + 1,
            keys.place if keys is not None and keys.place > stem.place else table.right + 1,
        )
    else:
        first, last = keys.place + 1, table.right + 1
    by_place = {one.place: one for one in columns}
    run: list[GuessedColumn] = []
    for place in range(first, last):
        column = by_place.get(place)
        if column is None or (run and column.length > 40 and column.length > 3 * max(c.length for c in run)):
            break
        if column.share(str.isdigit) >= MOST and len(column.values) > 3 and not column.varied:
            break  # what each item is worth
        run.append(column)
    if len(run) > 2 and explains(table, run):
        run.pop()
    if len(run) == 1 and not (
        separator_of(run[0].values) or run[0].share(labelled) >= 0.5 or run[0].share(structured) >= 0.5
    ):
        return
    if len(run) == 1:
        set_column(table, "choices", run[0])
        return
    for name, column in zip(CHOICES, run, strict=False):
        set_column(table, name, column)
