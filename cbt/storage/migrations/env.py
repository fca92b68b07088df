"""Alembic's environment: the engine, and who is told of each step, are handed in by cbt.storage.migrate."""

from __future__ import annotations

from typing import Any

from alembic import context

from cbt.storage.types import Base, is_of_models

connection = context.config.attributes["connection"]
told = context.config.attributes.get("told")


def _tell(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    if told is not None:
        told(step.up_revision_id)


context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    on_version_apply=_tell,
    include_name=is_of_models,
)
with context.begin_transaction():
    context.run_migrations()
