"""An index of who is out of the room: the save path asks it instead of reading everybody's registration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OUT = sa.text("left_at IS NOT NULL")


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_registration_out",
        "registration",
        ["id", "left_at"],
        unique=False,
        sqlite_where=OUT,
        postgresql_where=OUT,
    )


def downgrade() -> None:
    op.drop_index("ix_registration_out", table_name="registration")
