"""Papers packed while the doors are open

Nothing is in them that is not elsewhere; the leader packs them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "packed_paper",
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_id"], ["form.id"], name=op.f("fk_packed_paper_form_id_form"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("form_id", "part", "locale", name=op.f("pk_packed_paper")),
    )


def downgrade() -> None:
    op.drop_table("packed_paper")
