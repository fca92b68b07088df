"""An item as an assessmentItem of QTI 2.2; `version_3` gives the same in the names of 3.0."""

from __future__ import annotations

import re

from cbt.interchange.export import block
from cbt.interchange.markdown import escaped
from cbt.interchange.qti.interactions import TOOL
from cbt.interchange.qti.response import Asked22, Fields, QtiWriting, declared, processing
from cbt.items.draft import ItemDraft
from cbt.items.types.folders import Mappings

SPACE = "http://www.imsglobal.org/xsd/imsqti_v2p2"
WRITINGS = Mappings("qti_writing", QtiWriting)


def item(draft: ItemDraft, picture: str = "") -> str:
    """Return an item as one document; `picture` is where its picture lies, seen from it, "" in its usual place."""
    data = draft.data
    title = str(data.get("title") or draft.ref)
    parts = data.get("parts")
    asked, body = (
        _case(data, parts) if parts is not None else _alone(data, picture or picture_file(draft.ref))
    )
    feedback = _feedback(data, parts or [])
    head = (
        f'<assessmentItem xmlns="{SPACE}" identifier="{identifier(draft.ref)}" title="{escaped(title)}"'
        f' label="{escaped(draft.ref)}" adaptive="false" timeDependent="false" toolName="{TOOL}" toolVersion="1">'
    )
    shown = "".join(_shown(name, text) for name, text in feedback)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{declared(asked, feedback=bool(feedback))}'
        f"<itemBody>{body}</itemBody>{processing(asked, feedback)}{shown}</assessmentItem>\n"
    )


def identifier(ref: str) -> str:
    """Return a ref as an identifier, which begins with a letter."""
    return ref if ref[:1].isalpha() else f"i-{ref}"


def picture_file(ref: str) -> str:
    """Return where the picture of an item lies, seen from the item."""
    return f"../images/{identifier(ref)}.jpg"


def _alone(data: Fields, picture: str) -> tuple[list[Asked22], str]:
    responses, body = WRITINGS[data["type"]].write(data, "RESPONSE", picture)
    return [Asked22("SCORE", "1", responses)], body


def _case(data: Fields, parts: list[Fields]) -> tuple[list[Asked22], str]:
    asked, blocks = [], [f'<div class="stimulus">{block(str(data["stimulus"]))}</div>']
    for number, part in enumerate(parts, 1):
        responses, body = WRITINGS[part["type"]].write(part, f"RESPONSE_{number}", "")
        asked.append(Asked22(f"SCORE_{number}", str(part["points"]), responses))
        blocks.append(f'<div class="part">{body}</div>')
    return asked, "".join(blocks)


def _feedback(data: Fields, parts: list[Fields]) -> list[tuple[str, str]]:
    """Return what is said afterwards, by its name."""
    said = [("explanation", str(data.get("explanation", "")))]
    said += [(f"explanation_{n}", str(part.get("explanation", ""))) for n, part in enumerate(parts, 1)]
    return [(name, text) for name, text in said if text]


def _shown(name: str, text: str) -> str:
    head = f'<modalFeedback outcomeIdentifier="FEEDBACK" identifier="{name}" showHide="show">'
    return f"{head}{block(text)}</modalFeedback>"


SPACE_3 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
_TAG = re.compile(r"<(/?)([A-Za-z]+)((?:\s+[A-Za-z:]+=\"[^\"]*\")*)\s*(/?)>")
_ATTRIBUTE = re.compile(r"([A-Za-z:]+)=\"([^\"]*)\"")
_UPPER = re.compile(r"(?<!^)([A-Z])")
_HTML = frozenset(
    {
        "p",
        "br",
        "strong",
        "em",
        "ol",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "div",
        "span",
        "object",
    }
)
_MATH = frozenset(
    {
        "math",
        "semantics",
        "annotation",
        "mrow",
        "mn",
        "mo",
        "mi",
        "mover",
        "mfrac",
        "mspace",
        "mtext",
        "msqrt",
        "mroot",
    }
    | {"msub", "msup", "msubsup", "munder", "munderover", "mtable", "mtr", "mtd"}
)
_WRAPPED = frozenset({"modalFeedback", "rubricBlock"})
"""What 3.0 wants a body in."""


def version_3(document: str) -> str:
    """Return a document that `writing` made as one of 3.0."""
    return _TAG.sub(_renamed, document).replace(SPACE, SPACE_3)


def _renamed(found: re.Match[str]) -> str:
    close, name, attributes, empty = found[1], found[2], found[3], found[4]
    if name in _HTML or name in _MATH:
        return found[0]
    said = _ATTRIBUTE.sub(lambda one: f'{_kebab(one[1])}="{one[2]}"', attributes)
    tag = f"<{close}qti-{_kebab(name)}{said}{empty}>"
    if name in _WRAPPED:
        return f"</qti-content-body>{tag}" if close else f"{tag}<qti-content-body>"
    return tag


def _kebab(name: str) -> str:
    return _UPPER.sub(r"-\1", name).lower()
