"""The texts of an item of QTI 2.x and 3.0: what a candidate reads, what is said later, what markers are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cbt.bank.foreign import tree
from cbt.bank.foreign.markdown import Writer
from cbt.bank.foreign.plain import tidy
from cbt.bank.foreign.raw import Gleaning

_APART = frozenset(
    {"feedbackBlock", "feedbackInline", "modalFeedback", "infoControl", "responseValidityMessage"}
)
OWN = "explanation"
"""How what we say ourselves is called: of an item, of each part of a case."""
Special = Callable[[Any], str | None]


def written(found: Gleaning, nodes: list[Any], special: Special = lambda _node: None) -> str:
    """Return elements as Markdown; feedback and what markers are told stand elsewhere.

    `special` takes an element over, as with `Writer`. What is lost is remarked on.
    """

    def own(node: Any) -> str | None:
        name = tree.local(node)
        if name in _APART or (name == "rubricBlock" and not _for_candidates(node)):
            return ""
        return special(node)

    writer = Writer(own, found.medium)
    for node in nodes:
        writer.node(node, 0)
    done = writer.text()
    for code, value in done.lost:
        found.hint(code, value)
    return done.markdown


def content(found: Gleaning, node: Any, special: Special = lambda _node: None) -> str:
    """Return what stands in an element as Markdown of one line where it is one."""
    return tidy(written(found, [node], special))


def feedback(found: Gleaning, root: Any) -> dict[str, str]:
    """Return what is said afterwards, by the name it is shown under; the same words once."""
    said: dict[str, str] = {}
    for node in tree.descendants(root, "modalFeedback", "feedbackBlock"):
        text = _inner(found, node)
        name = node.get("identifier") or ""
        if text and (name.startswith(OWN) or text not in said.values()):
            said[name] = f"{said[name]}\n\n{text}" if name in said else text
    return said


def inline_feedback(found: Gleaning, node: Any) -> str:
    """Return what is said to whoever picks a choice."""
    return "\n".join(_inner(found, one) for one in tree.descendants(node, "feedbackInline"))


def for_markers(found: Gleaning, node: Any) -> str:
    """Return what markers are told inside an element."""
    blocks = [one for one in tree.descendants(node, "rubricBlock") if not _for_candidates(one)]
    return "\n\n".join(text for one in blocks if (text := _inner(found, one)))


def _for_candidates(node: Any) -> bool:
    return "candidate" in (node.get("view") or "candidate").split()


def _inner(found: Gleaning, node: Any) -> str:
    writer = Writer(medium=found.medium)
    writer.inside(node, 0)
    done = writer.text()
    for code, value in done.lost:
        found.hint(code, value)
    return done.markdown
