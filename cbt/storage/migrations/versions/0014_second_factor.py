"""A second factor for staff, when one-time passwords were issued, and who sits at a login."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ISSUED = sa.text(
    "UPDATE staff SET password_issued_at = COALESCE("
    "(SELECT MAX(audit_entry.at) FROM audit_entry WHERE audit_entry.act IN ('staff.create', 'staff.reset')"
    " AND audit_entry.subject = 'staff:' || staff.ref), staff.created_at) WHERE must_change_password"
)
"""The log says when a password that nobody changed yet was handed out."""


def upgrade() -> None:
    """Add the columns and tables; a login that is open stays open."""
    instant = cbt.storage.types.UtcDateTime()
    op.add_column("staff", sa.Column("password_issued_at", instant, nullable=True))
    op.add_column("staff", sa.Column("factor_reset_at", instant, nullable=True))
    op.add_column("staff", sa.Column("factor_reset_by", sa.String(80), nullable=False, server_default=""))
    op.add_column("login_session", sa.Column("address", sa.String(45), nullable=False, server_default=""))
    op.add_column("login_session", sa.Column("browser", sa.String(60), nullable=False, server_default=""))
    op.add_column("login_session", sa.Column("seen_at", instant, nullable=True))
    op.add_column("login_session", sa.Column("board_at", instant, nullable=True))
    op.add_column(
        "login_session", sa.Column("owes_factor", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "staff_factor",
        sa.Column("staff_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_factor_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_factor")),
    )
    op.create_table(
        "staff_recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(200), nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_code_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_code")),
        sa.UniqueConstraint("staff_id", "number", name=op.f("uq_staff_recovery_code_staff_id_number")),
    )
    op.execute(ISSUED)


def downgrade() -> None:
    """Take them away: people sign in with their passwords alone again."""
    op.drop_table("staff_recovery_code")
    op.drop_table("staff_factor")
    for name in ("owes_factor", "board_at", "seen_at", "browser", "address"):
        op.drop_column("login_session", name)
    for name in ("factor_reset_by", "factor_reset_at", "password_issued_at"):
        op.drop_column("staff", name)
