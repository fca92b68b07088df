"""The lint of a bank

What lint said of each bank is kept until the bank is another.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "bank_lint",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("wanted", sa.String(length=64), nullable=False),
        sa.Column("begun_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_bank_lint_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lint")),
        sa.UniqueConstraint("bank_id", name=op.f("uq_bank_lint_bank_id")),
    )


def downgrade() -> None:
    op.drop_table("bank_lint")
