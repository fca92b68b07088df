"""Papers withdrawn, and tickets to print again

A paper somebody was registered for can be withdrawn, with what brings it back. A ticket knows when it was printed,
and since when that is no longer right.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_INDEXED = ("candidate_id", "registration_ref", "sitting_id", "ticket_id")
_KEYS = {
    "candidate_id": "candidate",
    "ticket_id": "admission_ticket",
    "sitting_id": "sitting",
    "sitting_room_id": "sitting_room",
    "seat_id": "seat",
    "blueprint_version_id": "blueprint_version",
    "form_id": "form",
}


def upgrade() -> None:
    """Bring the tables forward."""
    instant = cbt.storage.types.UtcDateTime
    op.add_column("admission_ticket", sa.Column("printed_at", instant(), nullable=True))
    op.add_column("admission_ticket", sa.Column("reprint_since", instant(), nullable=True))
    op.add_column(
        "admission_ticket",
        sa.Column("reprint_reasons", sa.String(length=80), nullable=False, server_default=""),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("admission_ticket", "reprint_reasons", server_default=None)
    op.create_table(
        "withdrawal",
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("registration_ref", sa.String(length=40), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("seat_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_ref", sa.String(length=60), nullable=False),
        sa.Column("paper", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("factor", cbt.storage.types.DecimalText(length=40), nullable=False),
        sa.Column("extra", cbt.storage.types.Span(), nullable=False),
        sa.Column("accommodation_note", sa.Text(), nullable=False),
        sa.Column("eligibility", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", instant(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("back_at", instant(), nullable=True),
        sa.Column("back_by", sa.String(length=80), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_withdrawal_{name}_{table}"))
            for name, table in _KEYS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal")),
        sa.UniqueConstraint("ref", name=op.f("uq_withdrawal_ref")),
    )
    for name in _INDEXED:
        op.create_index(op.f(f"ix_withdrawal_{name}"), "withdrawal", [name], unique=False)


def downgrade() -> None:
    for name in reversed(_INDEXED):
        op.drop_index(op.f(f"ix_withdrawal_{name}"), table_name="withdrawal")
    op.drop_table("withdrawal")
    for name in ("reprint_reasons", "reprint_since", "printed_at"):
        op.drop_column("admission_ticket", name)
