"""Sentences that lead on: text with links, drawn by a template, which escapes what it is given."""

from __future__ import annotations

import flask


def with_links(sentence: str, *links: tuple[str, str]) -> str:
    """Return a sentence and links (address, label) after it, as HTML."""
    drawn: str = flask.get_template_attribute("http/_sentence.html", "with_links")(sentence, links)
    return drawn


def with_way(sentence: str, code: str, mended_at: str) -> str:
    """Return a refusal's sentence, as HTML, with a link to the page that mends it where there is one (`remedy`)."""
    drawn: str = flask.get_template_attribute("http/_sentence.html", "with_way")(sentence, code, mended_at)
    return drawn
