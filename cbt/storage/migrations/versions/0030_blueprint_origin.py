"""Where a blueprint came from

Blueprints come in the browser, too: which text a file last said is kept, so that a start does not undo that.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blueprint_version", sa.Column("filed_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.execute("UPDATE blueprint_version SET filed_at = loaded_at")


def downgrade() -> None:
    op.drop_column("blueprint_version", "filed_at")
