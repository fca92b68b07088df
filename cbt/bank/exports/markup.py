"""Texts of items as XML: escaped, or as the XHTML that candidates see of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from cbt.bank.foreign.plain import NO_XML, escaped
from cbt.bank.items import rich
from cbt.bank.items.formulas import FormulaFault, mathml
from cbt.bank.items.marks import formulas_in
from cbt.bank.media.references import kind_of

_BLANK = re.compile(r'<span data-blank="(\d+)"></span>')
_FORMULA = re.compile(r"<math([^>]*)>(.*?)</math>", re.DOTALL)
_MATH = ' xmlns="http://www.w3.org/1998/Math/MathML"'
_IMAGE = re.compile(r"<img( [^<>]*?)/?>")
_AUDIO = re.compile(r"<audio [^<>]*></audio>")
_SOURCE, _TITLE = re.compile(r'\ssrc="([^"]*)"'), re.compile(r'\stitle="([^"]*)"')
_VOID = re.compile(r"<br>\s*")


def block(text: str, blank: Callable[[int], str] = lambda _number: "") -> str:
    """Return a text as XHTML paragraphs, `blank` for each of its blanks."""
    return _xhtml(_sourced(rich.to_html(text), text), blank)


def line(text: str) -> str:
    """Return a text of one line as XHTML."""
    return _xhtml(_sourced(rich.inline(text), text), lambda number: f"{{{{{number}}}}}")


def _sourced(shown: str, text: str) -> str:
    """Return HTML whose formulas have their sources beside them: another reader of ours finds them again."""
    sources = [source for source in formulas_in(text) if _is_drawn(source)] if "<math" in shown else []
    if not sources or len(sources) != shown.count("<math"):
        return shown
    left = iter(sources)

    def named(found: re.Match[str]) -> str:
        note = f'<annotation encoding="application/x-tex">{escaped(next(left))}</annotation>'
        return f"<math{_MATH}{found[1]}><semantics><mrow>{found[2]}</mrow>{note}</semantics></math>"

    return _FORMULA.sub(named, shown)


def _is_drawn(source: str) -> bool:
    try:
        mathml(source, display=False)
    except FormulaFault:
        return False
    return True


def _xhtml(shown: str, blank: Callable[[int], str]) -> str:
    plain = NO_XML.sub("", shown.replace("&nbsp;", "&#160;"))
    plain = _AUDIO.sub(_sound, _IMAGE.sub(r"<img\1/>", _VOID.sub("<br/>", plain)))
    return _BLANK.sub(lambda found: blank(int(found[1])), plain)


def _sound(found: re.Match[str]) -> str:
    """Return a sound as other systems know it: an object with its kind, and the words for it inside."""
    source, words = _SOURCE.search(found[0]), _TITLE.search(found[0])
    address = source[1] if source else ""
    return f'<object type="{kind_of(address)}" data="{address}">{words[1] if words else ""}</object>'
