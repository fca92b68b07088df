"""Applications have a number that people can read out

Those that are there get theirs in the order in which they were made, year by year.
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from alembic import op

from cbt.storage.types import UtcDateTime

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

SERIES = "application_series"
NAME = "ix_unit_application_number"
APPLICATIONS = sa.table(
    "unit_application",
    sa.column("id", sa.Integer),
    sa.column("number", sa.String),
    sa.column("created_at", UtcDateTime),
)


def upgrade() -> None:
    """Bring the tables forward."""
    series = op.create_table(
        SERIES,
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_application_series")),
    )
    op.add_column("unit_application", sa.Column("number", sa.String(16), nullable=False, server_default=""))
    bind, given = op.get_bind(), Counter[int]()
    rows = bind.execute(
        sa.select(APPLICATIONS.c.id, APPLICATIONS.c.created_at).order_by(APPLICATIONS.c.id)
    ).all()
    for row in rows:
        year = row.created_at.year
        given[year] += 1
        bind.execute(
            sa.update(APPLICATIONS)
            .where(APPLICATIONS.c.id == row.id)
            .values(number=f"{year}-{given[year]:04d}")
        )
    if given:
        bind.execute(sa.insert(series), [{"year": year, "last": last} for year, last in given.items()])
    op.create_index(NAME, "unit_application", ["number"], unique=True)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(NAME, table_name="unit_application")
    op.drop_column("unit_application", "number")
    op.drop_table(SERIES)
