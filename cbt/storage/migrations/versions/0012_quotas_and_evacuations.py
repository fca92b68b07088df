"""How much each attempt has written, beside the board's row; and since when a room is evacuated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("journal", "late_entry")
BYTES = {"sqlite": "length(CAST(value AS BLOB))", "postgresql": "octet_length(value)"}


def upgrade() -> None:
    """Add the columns and fill them from what is there."""
    op.add_column("attempt_live", sa.Column("kept_rows", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "attempt_live", sa.Column("kept_bytes", sa.BigInteger(), nullable=False, server_default="0")
    )
    size = BYTES[op.get_bind().dialect.name]
    for table in TABLES:
        of_attempt = f"FROM {table} j WHERE j.attempt_id = attempt_live.attempt_id"
        op.execute(
            f"UPDATE attempt_live SET kept_rows = kept_rows + (SELECT count(*) {of_attempt}), "
            f"kept_bytes = kept_bytes + (SELECT coalesce(sum({size}), 0) {of_attempt})"
        )
    op.add_column("sitting_room", sa.Column("evacuated_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE sitting_room SET evacuated_at = (SELECT max(h.from_at) FROM room_hold h "
        "WHERE h.sitting_room_id = sitting_room.id AND h.to_at IS NULL AND h.reason_code = 'evacuation')"
    )


def downgrade() -> None:
    op.drop_column("sitting_room", "evacuated_at")
    op.drop_column("attempt_live", "kept_bytes")
    op.drop_column("attempt_live", "kept_rows")
