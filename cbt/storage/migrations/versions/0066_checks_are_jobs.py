"""Checks of brought files are jobs of the one queue

How far a check is, who works on it and what it came to stand in the row of its job. What waits, was under way or
came to nothing goes on as a job.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0066"
down_revision = "0064"
branch_labels = None
depends_on = None

KINDS = (
    ("import_check", "bank", "item_bank", "bank_id", "run_id IS NOT NULL"),
    ("roster_check", "roster", "batch", "batch_id", "begun"),
)
"""Each table of checks, the codes and subjects of its jobs, whose its files are, and which are half stored."""
GONE = ("done", "error", "params", "tries", "beat_at")


def upgrade() -> None:
    """Bring the tables forward."""
    for table, code, subject, owner, half in KINDS:
        op.add_column(table, sa.Column("job_ref", sa.String(40), nullable=False, server_default=""))
        if op.get_bind().dialect.name == "postgresql":
            op.alter_column(table, "job_ref", server_default=None)
        _ask(table, code, subject, owner, half)
        for column in GONE:
            op.drop_column(table, column)


def _ask(table: str, code: str, subject: str, owner: str, half: str) -> None:
    bind = op.get_bind()
    checks = bind.execute(
        sa.text(
            f"SELECT c.id, c.ref, c.actor, c.state, c.error, c.params, c.at, o.ref AS owner, ({half}) AS half "
            f"FROM {table} c JOIN {subject} o ON o.id = c.{owner} "
            "WHERE c.state IN ('waiting', 'reading', 'checking', 'importing', 'failed') ORDER BY c.at, c.id"
        )
    ).all()
    for check in checks:
        storing = check.state == "importing" or bool(check.state == "failed" and check.half)
        failed = check.state == "failed"
        params = {"class": "InvalidInput", "params": json.loads(check.params)} if failed else {}
        bind.execute(
            sa.text(
                "INSERT INTO job (ref, kind, subject, asked, page, actor, locale, state, done, total, tries, "
                "holder, error, params, outcome, file_bytes, file_ending, at, ended_at) VALUES (:ref, :kind, "
                ":subject, :asked, '', :actor, '', :state, 0, 0, 0, '', :error, :params, '{}', 0, '', :at, "
                ":ended_at)"
            ),
            {
                "ref": f"jo-{check.ref}",
                "kind": f"{code}.{'import' if storing else 'check'}",
                "subject": f"{subject}:{check.owner}",
                "asked": json.dumps({"check": check.ref}, separators=(",", ":")),
                "actor": check.actor,
                "state": "failed" if failed else "waiting",
                "error": check.error,
                "params": json.dumps(params, ensure_ascii=False),
                "at": check.at,
                "ended_at": check.at if failed else None,
            },
        )
        bind.execute(
            sa.text(f"UPDATE {table} SET job_ref = :job, state = :state WHERE id = :id"),
            {"job": f"jo-{check.ref}", "state": "importing" if storing else "waiting", "id": check.id},
        )


def downgrade() -> None:
    for table, *_rest in KINDS:
        op.add_column(table, sa.Column("done", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("error", sa.String(60), nullable=False, server_default=""))
        op.add_column(table, sa.Column("params", sa.Text(), nullable=False, server_default="{}"))
        op.add_column(table, sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("beat_at", cbt.storage.types.UtcDateTime(), nullable=True))
        op.drop_column(table, "job_ref")
