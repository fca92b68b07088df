"""What of a table is only inferred: the lines an author confirms or changes, once per file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cbt.bank.formats.tables.cells.columns import CHOICES
from cbt.bank.formats.tables.cells.kinds import DERIVED
from cbt.bank.formats.tables.deciding import TYPE_CHOICES, Decided
from cbt.bank.formats.tables.itemrow import Sense
from cbt.bank.formats.tables.ready import ReadyTable
from cbt.bank.formats.tables.rows.records import Records
from cbt.bank.formats.tables.rows.sheet import Table
from cbt.bank.imports.drafts import Inferred
from cbt.rules.items.values import ItemType
from cbt.sheets.columns import letter
from cbt.sheets.findings import Place

FIELDS = (
    "",
    "number",
    "type",
    "stem",
    *CHOICES[:8],
    "choices",
    "answer",
    "explanation",
    "difficulty",
    "point",
)
_TYPES = (*(kind.value for kind in TYPE_CHOICES), DERIVED)


def inferred_of(
    table: Table, records: Records, prepared: ReadyTable, decided: Sequence[Decided], sense: Sense
) -> Iterator[Inferred]:
    """Yield what was inferred of a table."""
    sheet, page = table.page.name, table.page
    at, count = Place(page.file, sheet, table.head), len(prepared.items)
    if table.head != 1 or table.two_rows:
        yield Inferred(
            f"header:{sheet}", "header", str(table.head), count=count, place=at, params={"sheet": sheet}
        )
    for column, name in sorted(table.guessed.items()):
        if table.columns.get(name) == column:
            header = table.headers.get(column, "")
            place = Place(page.file, sheet, table.head, letter(column), header)
            params = {"sheet": sheet, "column": letter(column)}
            yield Inferred(f"column:{sheet}:{letter(column)}", "column", name, FIELDS, count, place, params)
    yield from _types(decided, at)
    if records.several_rows:
        yield Inferred(f"rows:{sheet}", "rows", "several", (), count, at, {"sheet": sheet})
    if records.keys_elsewhere:
        yield Inferred(f"answers:{sheet}", "keys_elsewhere", "sheet", (), count, at, {"sheet": sheet})
    if prepared.split_cells:
        yield Inferred(
            f"choices:{sheet}",
            "choices_cell",
            prepared.separator or "A B C",
            (),
            prepared.split_cells,
            at,
            {"sheet": sheet},
        )
    if prepared.inline:
        yield Inferred(f"choices:{sheet}", "choices_stem", "stem", (), prepared.inline, at, {"sheet": sheet})
    used = sense.used
    if inside := used.get("stem", 0) + used.get("stem_too", 0):
        yield Inferred(f"key:{sheet}", "key_stem", "stem", (), inside, at, {"sheet": sheet})
    if used.get("numbers"):
        yield Inferred(
            f"keys:{sheet}", "key_numbers", str(sense.base), ("0", "1"), used["numbers"], at, {"sheet": sheet}
        )
    if used.get("text"):
        yield Inferred(f"texts:{sheet}", "key_text", "text", (), used["text"], at, {"sheet": sheet})
    if used.get("truth"):
        values = [value for value, right in sense.right.items() if right]
        choices = ("A", "B") if {"A", "B"} <= set(sense.right) else ("0", "1", "2")
        said = values[0] if values else ""
        yield Inferred(f"truth:{sheet}", "truth", said, choices, used["truth"], at, {"sheet": sheet})


def _types(decided: Sequence[Decided], at: Place) -> Iterator[Inferred]:
    counted = Counter(
        (each.source, each.word, each.kind) for each in decided if isinstance(each.kind, ItemType)
    )
    by_name: dict[tuple[str, str], dict[str, int]] = {}
    for (source, word, kind), count in counted.items():
        by_name.setdefault((source.rstrip("!"), word), {})[str(kind)] = count
    for (source, word), kinds in by_name.items():
        if source == "cell":
            continue
        value = next(iter(kinds)) if len(kinds) == 1 else DERIVED
        code = "type_derived" if source == "derived" else "type_named"
        yield Inferred(f"type:{word}", code, value, _TYPES, sum(kinds.values()), at, {"word": word})
