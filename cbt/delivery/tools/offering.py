"""Which tools a page is offered, and the texts of its scripts with those of the tools it has."""

from __future__ import annotations

from collections.abc import Sequence

import flask_babel

from cbt.rules.exam.paper import Paper
from cbt.rules.exam.tools import offered, tools_in
from cbt.web.i18n import script_texts


def tools_of_page(paper: Paper, own: str) -> list[str]:
    """Return the tools of a page: those free on its paper, and the candidate's `own` as they are stored.

    Source: R-30.
    """
    return offered(paper.tools, tools_in(own))


def page_texts(tools: Sequence[str], *more: str) -> dict[str, str]:
    """Return what the answer page's scripts say: of tools where there are some, and of `more` groups."""
    language = str(flask_babel.get_locale())
    groups = (*(("tools",) if tools else ()), *more)
    texts = script_texts(language, "delivery")
    return texts | script_texts(language, "answering", *groups) if groups else texts
