"""A world many times as large, by one statement for each table: the rows that are there, over and over.

Whatever hangs on what is multiplied is multiplied with it, by the tables' own foreign keys: a table that is added
tomorrow grows, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    case,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy import String as SqlString

from cbt.storage.types import Base

IN_A_ROOM = ("seat", "candidate")
"""What is multiplied to have more people in each room."""
ROOMS = ("room", "candidate")
SITTINGS = ("sitting", "candidate")
BATCHES = ("batch", "sitting", "candidate")
ITEMS = ("item",)
STAFF = ("staff",)
CENTRES = ("centre",)
BLUEPRINTS = ("blueprint_version",)
REASONS = ("reasons_version",)
LOG = ("audit_entry",)

_OF_A_HASH, _END = 64, 10
"""A text of so many characters loses the first of them for the copy's own end: shorter ones have room for it."""
_aside = MetaData()
_copies = Table("copies", _aside, Column("k", Integer, primary_key=True), prefixes=["TEMPORARY"])
Heights = Mapping[str, int]


def heights(connection: Connection) -> Heights:
    """Return the last number of each table that is numbered: where its rows end now."""
    return {
        table.name: connection.scalar(select(func.max(table.c.id))) or 0
        for table in Base.metadata.sorted_tables
        if "id" in table.c
    }


def grow(
    connection: Connection, roots: Iterable[str], times: int, *, below: Heights, without: Iterable[str] = ()
) -> None:
    """Have the rows of the tables `roots`, and of what hangs on them, `times` times more.

    What came beyond the heights `below` is left as it is, and so are the tables `without`.
    """
    _aside.create_all(connection)
    connection.execute(_copies.delete())
    connection.execute(insert(_copies), [{"k": number} for number in range(1, times + 1)])
    steps: dict[str, int] = {}
    now = heights(connection)
    for table in Base.metadata.sorted_tables:
        hangs = any(key.column.table.name in steps for key in table.foreign_keys)
        if table.name in roots or (hangs and table.name not in without):
            steps[table.name] = now.get(table.name, 0)
    for table in Base.metadata.sorted_tables:
        if table.name in steps:
            _multiply(connection, table, steps, below)


def _multiply(connection: Connection, table: Table, steps: Mapping[str, int], below: Heights) -> None:
    values: dict[str, ColumnElement[Any]] = {}
    moved = set()
    for column in table.columns:
        (hangs_on,) = [key.column.table.name for key in column.foreign_keys] or [""]
        step = steps.get(table.name if column.name == "id" else hangs_on, 0)
        values[column.name] = column + _copies.c.k * step if step else column
        if step:
            moved.add(column.name)
    rules = [[*one.columns] for one in table.constraints if isinstance(one, UniqueConstraint)]
    rules += [[column] for column in table.columns if column.unique]
    for rule in rules:
        if not moved & {column.name for column in rule}:
            column = rule[-1]
            values[column.name] = _another(column)
            moved.add(column.name)
    chosen = select(*values.values()).select_from(table.join(_copies, literal(True)))
    for column in table.columns:
        for kind in ["id"] if column.name == "id" else [key.column.table.name for key in column.foreign_keys]:
            height = below[table.name] if kind == "id" else below.get(kind)
            if height is not None and not column.nullable:
                chosen = chosen.where(column <= height)
    connection.execute(insert(table).from_select(list(values), chosen))


def _another(column: Column[Any]) -> ColumnElement[Any]:
    """Return what no other copy has in its place: a number further on, a text with an end of its own."""
    if isinstance(column.type, Integer):
        return column + _copies.c.k * select(func.max(column)).scalar_subquery()
    mark = select(func.count()).select_from(column.table).scalar_subquery()
    room = getattr(column.type, "length", None)
    text: ColumnElement[Any] = column
    if room and room >= _OF_A_HASH:
        over = func.length(column) - (room - _END)
        text = func.substr(column, case((over > 0, over + 1), else_=1))
    return text.op("||")("-").op("||")(cast(mark + _copies.c.k, SqlString))
