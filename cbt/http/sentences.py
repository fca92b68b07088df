"""Sentences that lead on: text with links, drawn by a template, which escapes what it is given."""

from __future__ import annotations

import flask
import flask_babel


def with_links(sentence: str, *links: tuple[str, str]) -> str:
    """Return a sentence and links (address, label) after it, as HTML."""
    drawn: str = flask.get_template_attribute("http/_sentence.html", "with_links")(sentence, links)
    return drawn


def with_way(sentence: str, page: str) -> str:
    """Return a sentence with a link to the page of ours that mends what it says, where there is one."""
    return with_links(sentence, (page, flask_babel.gettext("ui.see_missing"))) if page else sentence
