"""Fingerprints of the keys

A database says which `personal.key` its numbers are sealed under, so that another installation's key beside it is
known before anything is written with it. A database that was there before names the key it is opened with.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_print",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("print", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_key_print")),
    )


def downgrade() -> None:
    op.drop_table("key_print")
