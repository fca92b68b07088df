"""What may come in at each position of an attempt's form, beside the attempt: a save needs not read the form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CHUNK = 500
READ = sa.text(
    "SELECT a.id, f.content FROM attempt a JOIN form f ON f.id = a.form_id "
    "WHERE a.id > :after ORDER BY a.id LIMIT :chunk"
)
WRITE = sa.text("UPDATE attempt SET layout = :layout WHERE id = :id")


def upgrade() -> None:
    """Add the column and fill it from the forms."""
    op.add_column("attempt", sa.Column("layout", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(READ, {"after": after, "chunk": CHUNK}).all():
        connection.execute(WRITE, [{"id": row.id, "layout": _layout(row.content)} for row in rows])
        after = rows[-1].id
    if connection.dialect.name == "postgresql":
        op.alter_column("attempt", "layout", server_default=None)


def _layout(content: str) -> str:
    runs = groupby(json.loads(content)["positions"], key=_facts)
    lines = [[len(list(places)), *facts] for facts, places in runs]
    return json.dumps(lines, ensure_ascii=False, separators=(",", ":"))


def _facts(position: Mapping[str, Any]) -> tuple[Any, ...]:
    lefts, blanks = position.get("lefts") or (), int(position.get("blanks") or 0)
    shown = len(position["order"])
    return (position["type"], shown, len(lefts), blanks, position["unit"], position["section"])


def downgrade() -> None:
    op.drop_column("attempt", "layout")
