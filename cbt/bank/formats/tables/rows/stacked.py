"""Sheets on which an item takes several rows: its choices stand below its stem."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.bank.formats.tables.cells.choices import labelled
from cbt.bank.formats.tables.cells.keys import has_blank, keys_in_stem, looks_like_key
from cbt.bank.formats.tables.cells.kinds import named_type
from cbt.bank.formats.tables.rows.columns import MOST, SENTENCE, GuessedColumn, is_figure, is_kind, set_column
from cbt.bank.formats.tables.rows.shapes import is_choice_line
from cbt.bank.formats.tables.rows.sheet import Table


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
        one = GuessedColumn(c, values, len(core))
        if c == stem or one.filled < 0.5:
            continue
        if c < stem and one.share(str.isdigit) >= MOST:
            set_column(table, "number", one)
        elif one.share(is_figure) >= MOST and c > stem:
            set_column(table, "answer", one)
        elif one.share(named_type) >= MOST:
            set_column(table, "type", one)
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
