"""What the types have in a browser: their parts of the answer page, their registry, their forms for an author.

A folder's `answer.js` and `answer.css` are served as if they lay in `static/runner/items` under the type's name,
so what they import is named from there; its `form.html` is the template `items/types/<type>/form.html`.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import BaseLoader, FileSystemLoader, PrefixLoader

from cbt.items import types
from cbt.rules.items.registry import TYPES

_HOME, _REGISTRY = "runner/items", "registry"
_REMARK = """\
// The types of an item. A type has `render(item, app, stem)`, which returns `{node, update()}` and perhaps
// `choose(index)`; `asked(item)` where several things are asked at once and some may still be open;
// `readable(value)` where what was typed may be none (待更正); `keys(item)` where letters choose.
"""


def answer_parts() -> tuple[tuple[str, str], ...]:
    """Return the scripts and sheets of the types, and the script that lists them, each after its served name."""
    scripts, sheets = _beside("js"), _beside("css")
    return (
        *((f"{_HOME}/{kind}.js", text) for kind, text in scripts.items()),
        *((f"{_HOME}/{kind}.css", text) for kind, text in sheets.items()),
        (f"{_HOME}/{_REGISTRY}.js", _registry(list(scripts))),
    )


def form_loader() -> BaseLoader:
    """Return what finds the template of a type's form."""
    return PrefixLoader({"items": FileSystemLoader(list(types.__path__))}, delimiter="/types/")


def _beside(end: str) -> dict[str, str]:
    """Return the text of `answer.<end>` of each folder that has one, by the type."""
    found = ((kind, Path(home, kind, f"answer.{end}")) for kind in TYPES for home in types.__path__)
    return {str(kind): file.read_text("utf-8") for kind, file in found if file.is_file()}


def _registry(kinds: list[str]) -> str:
    imports = "".join(f'import {{ {_exported(kind)} }} from "./{kind}.js";\n' for kind in kinds)
    lines = "".join(f"  {kind}: {_exported(kind)},\n" for kind in kinds)
    return f"{_REMARK}\n{imports}\nexport const TYPES = {{\n{lines}}};\n"


def _exported(kind: str) -> str:
    """Return what a type's script exports: `true_false` is `trueFalse`."""
    first, *others = kind.split("_")
    return first + "".join(map(str.capitalize, others))
