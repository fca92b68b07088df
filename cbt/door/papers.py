"""What the delivery room says of papers, asked without knowing it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import flask
from sqlalchemy.orm import Session

from cbt.door.admission import PaperState

Papers = Callable[[Session, Collection[int]], Mapping[int, PaperState]]
_EXTENSION = "cbt_papers"


def register_papers(app: flask.Flask, papers: Papers) -> None:
    """Tell how to ask a later room for the state of papers: registration ids -> states (absent = open)."""
    app.extensions[_EXTENSION] = papers


def paper_states(session: Session, registration_ids: Collection[int]) -> Mapping[int, PaperState]:
    """Return what is known of the papers of these registrations; one that is missing is open."""
    papers: Papers | None = flask.current_app.extensions.get(_EXTENSION)
    return {} if papers is None else papers(session, registration_ids)
