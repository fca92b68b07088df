"""Alembic's environment: the engine is handed in by cbt.db.migrate."""

from __future__ import annotations

from alembic import context

from cbt.db.types import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
