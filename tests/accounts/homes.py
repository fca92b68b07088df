"""The home page of somebody: what it says of what is next."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from tests.helpers import flat

_PART = re.compile(r'<section[^>]*class="home-batches".*?</section>', re.DOTALL)


def hold_that_it_says_what_is_next(client: FlaskClient, who: str) -> str:
    """Hold that a home page says what to do first, or where work will come from, each with a link that opens."""
    page = client.get("/staff").text
    parts = _PART.findall(page)
    assert parts, f"{who}: the home page is empty"
    for part in parts:
        links = re.findall(r'href="([^"#]+)[^"]*"', part)
        assert links, (who, flat(part))
        for link in links:
            assert client.get(link.replace("&amp;", "&")).status_code == 200, (who, link)
    return flat(" ".join(parts))
