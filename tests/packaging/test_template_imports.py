"""Macros are made once for all pages, unless they go by what a page was given."""

from __future__ import annotations

import re
from pathlib import PurePath

import flask
import pytest
from jinja2 import meta, nodes

from cbt.paths import product_dir

_IMPORT = re.compile(r'\{%-?\s*from\s+"([^"]+)"\s+import\s[^%]*?(\swith context)?\s*-?%\}')


def imports() -> list[tuple[str, str, bool]]:
    """Return who imports which template, and whether with what the page was given."""
    folder = product_dir("templates")
    found = []
    for file in sorted(folder.rglob("*.html")):
        name = file.relative_to(folder).as_posix()
        found += [(name, of, bool(given)) for of, given in _IMPORT.findall(file.read_text("utf-8"))]
    return found


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_is_given_a_context_needs_one(app: flask.Flask) -> None:
    """What is imported with a context is made anew for each page: thirty macros, a hundred objects in cycles."""
    env, found = app.jinja_env, imports()
    assert len(found) > 200
    needs = {}
    for name in {of for _, of, _ in found}:
        text = (product_dir("templates") / PurePath(name)).read_text("utf-8")
        tree = env.parse(text)
        needs[name] = meta.find_undeclared_variables(tree) - set(env.globals)
        if not needs[name]:
            assert not list(_said_once(tree)), f"{name} says something before anybody asks it"
    assert [one for one in found if one[2] != bool(needs[one[1]])] == []


def _said_once(tree: nodes.Template) -> list[nodes.Output]:
    """Return what a template of macros says outside of them: that would be in the language of who came first."""
    outside = [node for node in tree.body if isinstance(node, nodes.Output | nodes.Assign)]
    return [node for node in outside if list(node.find_all(nodes.Call))]
