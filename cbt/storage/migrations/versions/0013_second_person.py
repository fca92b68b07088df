"""The second person: requests for approval, whose hand was on an account, time given by one person alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = cbt.storage.types.UtcDateTime
STAFF = (
    ("made_by", sa.String(80)),
    ("reset_at", INSTANT()),
    ("reset_by", sa.String(80)),
    ("enabled_at", INSTANT()),
    ("enabled_by", sa.String(80)),
)
ROLE = (("granted_at", INSTANT()), ("granted_by", sa.String(80)))

# What was given before counts as given by one person: the former rule had counted all of it as well. A site
# fault of one candidate cannot be told from a proposed compensation, and is taken for one.
ROOM_TIME = sa.text(
    "INSERT INTO granted_time (sitting_room_id, registration_id, at, amount, compensation, by) "
    "SELECT sitting_room_id, NULL, at, amount, :hand, by FROM room_adjustment "
    "WHERE moves_earliest = :hand AND by LIKE 'staff:%'"
)
CANDIDATE_TIME = sa.text(
    "INSERT INTO granted_time (sitting_room_id, registration_id, at, amount, compensation, by) "
    "SELECT a.sitting_room_id, a.registration_id, g.at, g.amount, g.kind = 'site_fault', g.by "
    "FROM attempt_adjustment g JOIN attempt a ON a.id = g.attempt_id WHERE g.by LIKE 'staff:%'"
)


def upgrade() -> None:
    """Add the tables and columns; centres that are there keep the way they know."""
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("roles", sa.String(length=120), nullable=False),
        sa.Column("assigned", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(length=240), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("seen", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_machine", sa.String(length=64), nullable=False),
        sa.Column("asked_at", INSTANT(), nullable=False),
        sa.Column("expires_at", INSTANT(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("settled_at", INSTANT(), nullable=True),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_by", sa.String(length=40), nullable=True),
        sa.Column("code_machine", sa.String(length=64), nullable=True),
        sa.Column("code_expires_at", INSTANT(), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint("ref", name=op.f("uq_approval_ref")),
    )
    op.create_index("ix_approval_expires_at", "approval", ["expires_at"], unique=False)
    op.create_index(op.f("ix_approval_asked_by"), "approval", ["asked_by"], unique=False)
    op.create_table(
        "granted_time",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("amount", cbt.storage.types.Span(), nullable=False),
        sa.Column("compensation", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("second", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_granted_time_registration_id_registration"),
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_granted_time_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_granted_time")),
    )
    op.create_index(
        op.f("ix_granted_time_sitting_room_id"), "granted_time", ["sitting_room_id"], unique=False
    )
    for name, kind in STAFF:
        op.add_column("staff", sa.Column(name, kind, nullable=True))
    for name, kind in ROLE:
        op.add_column("staff_role", sa.Column(name, kind, nullable=True))
    op.add_column(
        "centre", sa.Column("second_by_password", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.alter_column("centre", "second_by_password", server_default=None)
    connection.execute(ROOM_TIME, {"hand": False})
    connection.execute(CANDIDATE_TIME)


def downgrade() -> None:
    """Take them away."""
    op.drop_column("centre", "second_by_password")
    for name, _kind in ROLE:
        op.drop_column("staff_role", name)
    for name, _kind in STAFF:
        op.drop_column("staff", name)
    op.drop_index(op.f("ix_granted_time_sitting_room_id"), table_name="granted_time")
    op.drop_table("granted_time")
    op.drop_index(op.f("ix_approval_asked_by"), table_name="approval")
    op.drop_index("ix_approval_expires_at", table_name="approval")
    op.drop_table("approval")
