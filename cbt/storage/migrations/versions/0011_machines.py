"""Budgets of tries per account and machine; machines by their tokens' hashes; binding rounds and claims.

Counters of wrong tries are worth five minutes and begin anew. The names of machines that were kept so far came
from the browsers: a login session or a lease that has one goes on as one whose machine is not known, until the
next start says which it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS = (
    ("login_session", "former_machine"),
    ("attempt", "lease_machines"),
    ("room", "code_until"),
    ("seat", "claim_hash"),
    ("seat", "claim_address"),
    ("registration", "elsewhere_at"),
    ("registration", "elsewhere_address"),
)


def upgrade() -> None:
    """Replace the counters, add the known machines, forget the machines' former names."""
    op.drop_table("throttle")
    op.create_table(
        "throttle",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("machine", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("window_from", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("last_machine", sa.String(length=80), nullable=False),
        sa.Column("last_address", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", "machine", name=op.f("pk_throttle")),
    )
    op.create_index("ix_throttle_window_from", "throttle", ["window_from"], unique=False)
    op.create_table(
        "known_machine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("machine", sa.String(length=80), nullable=False),
        sa.Column("seen_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_machine")),
        sa.UniqueConstraint(
            "scope", "subject", "machine", name=op.f("uq_known_machine_scope_subject_machine")
        ),
    )
    op.create_index(op.f("ix_known_machine_seen_at"), "known_machine", ["seen_at"], unique=False)
    op.add_column("login_session", sa.Column("former_machine", sa.String(length=64), nullable=True))
    op.add_column("attempt", sa.Column("lease_machines", sa.Text(), nullable=False, server_default=""))
    op.add_column("room", sa.Column("code_until", cbt.storage.types.UtcDateTime(), nullable=True))
    op.add_column("seat", sa.Column("claim_hash", sa.String(length=64), nullable=True))
    op.add_column("seat", sa.Column("claim_address", sa.String(length=64), nullable=True))
    op.add_column("registration", sa.Column("elsewhere_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.add_column("registration", sa.Column("elsewhere_address", sa.String(length=64), nullable=True))
    op.execute("UPDATE login_session SET machine = ''")
    op.execute("UPDATE attempt SET lease_machine = NULL WHERE lease_machine IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("attempt", "lease_machines", server_default=None)


def downgrade() -> None:
    """Put the former counters back, empty, and take the columns away."""
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column)
    op.drop_index(op.f("ix_known_machine_seen_at"), table_name="known_machine")
    op.drop_table("known_machine")
    op.drop_index("ix_throttle_window_from", table_name="throttle")
    op.drop_table("throttle")
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_from", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
