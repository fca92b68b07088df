"""What scoring needs of a form, prepared when it is drawn

A form of before gets its own when it is scored for the first time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "arrangement",
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_id"], ["form.id"], name=op.f("fk_arrangement_form_id_form"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_arrangement_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("form_id", name=op.f("pk_arrangement")),
    )


def downgrade() -> None:
    op.drop_table("arrangement")
