"""Packs papers while the doors are open, so that nothing is joined in the second everybody starts.

A job of the leader; whoever starts before it came round gets a paper that is joined then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

import flask

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.paper.packed import PieceKey, let_go, put_down, unpacked, unused
from cbt.delivery.paper.pieces import PackedPiece
from cbt.delivery.save.journal import current_journal
from cbt.delivery.start.reply import current_openings

log = logging.getLogger(__name__)
CHUNK, MOST = 50, 1000
"""So many papers in one transaction, and in one run."""


def pack_papers(*, now: datetime) -> int:
    """Pack the papers of rooms whose doors are open; return how many.

    One that cannot be joined keeps no other from it: its candidate is told at the start.
    """
    locale: str = flask.current_app.config["BABEL_DEFAULT_LOCALE"]
    papers = current_openings().papers
    mark, packed, last = papers.mark(locale), 0, 0
    while packed < MOST:
        with reading() as session:
            refs = unpacked(session, locale=locale, mark=mark, after=last, most=CHUNK)
        if not refs:
            break
        last = max(refs)
        pieces = _pieces(refs.values(), locale)
        if pieces:
            with unit_of_work() as session:
                put_down(session, pieces, mark=mark)
        packed += len({form_id for form_id, _, _ in pieces})
    return packed


def _pieces(refs: Iterable[str], locale: str) -> dict[PieceKey, PackedPiece]:
    papers, infos = current_openings().papers, current_journal().infos
    found: dict[PieceKey, PackedPiece] = {}
    for ref in refs:
        try:
            info, form = infos.read(ref)
            for part in sorted(set(info.units)):
                key = form.form_id, part, locale
                if key not in found:
                    found[key] = papers.piece(info, form, part=part, locale=locale)
        except Exception:
            log.exception("the paper of %s cannot be packed", ref)
    return found


def forget_papers(*, now: datetime) -> int:
    """Delete the packed papers that nobody has before them any more; return how many."""
    with reading() as session:
        over = unused(session, most=MOST)
    if over:
        with unit_of_work() as session:
            let_go(session, over)
    return len(over)
