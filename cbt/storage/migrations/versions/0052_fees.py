"""What accepted people cost, and what units paid

What was accepted before has no fees yet: the office's page of the fees offers to have them arise by the rule.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("unit_application", sa.Column("charged_on", sa.Date(), nullable=True))
    op.create_table(
        "fee_charge",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("paper", sa.String(length=40), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("cancel_reason", sa.Text(), nullable=False),
        *_named("fee_charge", unit_id="member_unit", application_id="unit_application"),
        sa.ForeignKeyConstraint(
            ["applicant_id"],
            ["applicant.id"],
            name=op.f("fk_fee_charge_applicant_id_applicant"),
            ondelete="SET NULL",
        ),
    )
    op.create_table(
        "fee_payment",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("payer", sa.String(length=120), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("booked_by", sa.String(length=80), nullable=False),
        sa.Column("reversed_on", sa.Date(), nullable=True),
        sa.Column("reversed_by", sa.String(length=80), nullable=False),
        sa.Column("reverse_reason", sa.Text(), nullable=False),
        *_named("fee_payment", unit_id="member_unit"),
    )
    op.create_table(
        "fee_match",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("charge_id", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("made_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("undone_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        *_keys("fee_match", payment_id="fee_payment", charge_id="fee_charge"),
    )
    op.create_table(
        "fee_refund",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("booked_by", sa.String(length=80), nullable=False),
        *_named("fee_refund", payment_id="fee_payment"),
    )
    for table, columns in {
        "fee_charge": ("unit_id", "application_id", "applicant_id"),
        "fee_payment": ("unit_id", "reference"),
        "fee_match": ("payment_id", "charge_id"),
        "fee_refund": ("payment_id",),
    }.items():
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _named(table: str, **keys: str) -> list[sa.Column[object] | sa.Constraint]:
    return [
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.UniqueConstraint("ref", name=op.f(f"uq_{table}_ref")),
        *_keys(table, **keys),
    ]


def _keys(table: str, **keys: str) -> list[sa.Column[object] | sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
            for column, other in keys.items()
        ),
    ]


def downgrade() -> None:
    for table in ("fee_refund", "fee_match", "fee_payment", "fee_charge"):
        op.drop_table(table)
    op.drop_column("unit_application", "charged_on")
