"""An item as an assessmentItem of QTI 2.2; 3.0 is the same in other names (`renaming`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cbt.bank.exports.markup import block, escaped, line
from cbt.bank.foreign.questions import LETTERS
from cbt.bank.formats.qti.asking import TOOL
from cbt.bank.formats.qti.pointing import hotspot
from cbt.bank.formats.qti.scoring import Asked22, Response22, declared, processing
from cbt.bank.imports.drafts import ItemDraft

SPACE = "http://www.imsglobal.org/xsd/imsqti_v2p2"
Fields = Mapping[str, Any]
Made = tuple[list[Response22], str]
"""The responses of a question, and what stands in the body for it."""


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
    if data["type"] == "hotspot":
        responses, body = hotspot(data, "RESPONSE", picture)
    else:
        responses, body = _KINDS[data["type"]](data, "RESPONSE")
    return [Asked22("SCORE", "1", responses)], body


def _case(data: Fields, parts: list[Fields]) -> tuple[list[Asked22], str]:
    asked, blocks = [], [f'<div class="stimulus">{block(str(data["stimulus"]))}</div>']
    for number, part in enumerate(parts, 1):
        responses, body = _KINDS[part["type"]](part, f"RESPONSE_{number}")
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


def _stem(data: Fields) -> str:
    return block(str(data["stem"]))


def _true_false(data: Fields, name: str) -> Made:
    choices = (
        '<simpleChoice identifier="true">√</simpleChoice><simpleChoice identifier="false">×</simpleChoice>'
    )
    head = f'<choiceInteraction responseIdentifier="{name}" shuffle="false" maxChoices="1">'
    right = "true" if data["answer"] else "false"
    body = f"{_stem(data)}{head}{choices}</choiceInteraction>"
    return [Response22(name, "single", "identifier", [right])], body


def _choice(data: Fields, name: str) -> Made:
    several = data["type"] == "multiple_choice"
    shuffle = "false" if data.get("fixed_order") else "true"
    choices = "".join(
        f'<simpleChoice identifier="{letter}">{line(text)}</simpleChoice>'
        for letter, text in zip(LETTERS, data["choices"], strict=False)
    )
    most = 0 if several else 1
    head = f'<choiceInteraction responseIdentifier="{name}" shuffle="{shuffle}" maxChoices="{most}">'
    kind = "multiple" if several else "single"
    body = f"{_stem(data)}{head}{choices}</choiceInteraction>"
    return [Response22(name, kind, "identifier", list(data["answer"]))], body


def _fill(data: Fields, name: str) -> Made:
    names = [f"{name}-{number}" for number in range(1, len(data["answer"]) + 1)]
    responses = [
        Response22(one, "single", "string", words[:1], dict.fromkeys(words, "1"))
        for one, words in zip(names, data["answer"], strict=True)
    ]
    return responses, block(str(data["stem"]), lambda number: _entry(names[number - 1]))


def _numeric(data: Fields, name: str) -> Made:
    response = Response22(
        name, "single", "float", [str(data["answer"])], tolerance=str(data.get("tolerance", "0"))
    )
    return [response], block(str(data["stem"]), lambda _number: _entry(name))


def _entry(name: str) -> str:
    return f'<textEntryInteraction responseIdentifier="{name}"/>'


def _order(data: Fields, name: str) -> Made:
    """The steps stand in the order of their texts: in the right one, who does not shuffle would tell the key."""
    places = {step: f"S{place}" for place, step in enumerate(sorted(data["steps"]), 1)}
    choices = "".join(
        f'<simpleChoice identifier="{place}">{line(step)}</simpleChoice>' for step, place in places.items()
    )
    head = f'<orderInteraction responseIdentifier="{name}" shuffle="true">'
    right = [places[step] for step in data["steps"]]
    body = f"{_stem(data)}{head}{choices}</orderInteraction>"
    return [Response22(name, "ordered", "identifier", right)], body


def _match(data: Fields, name: str) -> Made:
    """The options do not stand as the pairs do, for the same reason."""
    lefts = [left for left, _right in data["pairs"]]
    options = _mixed(sorted({right for _left, right in data["pairs"]}), data.get("extra_options", ()))
    sets = "".join(
        f"<simpleMatchSet>{''.join(_member(f'{letter}{n}', text, most) for n, text in enumerate(texts, 1))}"
        "</simpleMatchSet>"
        for letter, texts, most in (("L", lefts, 1), ("R", options, len(lefts)))
    )
    pairs = [f"L{n} R{options.index(right) + 1}" for n, (_left, right) in enumerate(data["pairs"], 1)]
    head = f'<matchInteraction responseIdentifier="{name}" shuffle="true" maxAssociations="{len(lefts)}">'
    body = f"{_stem(data)}{head}{sets}</matchInteraction>"
    return [Response22(name, "multiple", "directedPair", pairs)], body


def _mixed(rights: Sequence[str], extras: Sequence[str]) -> list[str]:
    """Return both among each other, each in its own order."""
    first, second, mixed = list(rights), list(extras), list[str]()
    while first and second:
        mixed.append((first if first[0] <= second[0] else second).pop(0))
    return [*mixed, *first, *second]


def _member(name: str, text: str, most: int) -> str:
    head = f'<simpleAssociableChoice identifier="{name}" matchMax="{most}">'
    return f"{head}{line(text)}</simpleAssociableChoice>"


def _essay(data: Fields, name: str) -> Made:
    told = str(data.get("answer", ""))
    rubric = f'<rubricBlock view="scorer">{block(told)}</rubricBlock>' if told else ""
    asked = (
        f'<extendedTextInteraction responseIdentifier="{name}" expectedLength="{data.get("limit", 500)}"/>'
    )
    return [Response22(name, "single", "string")], f"<div>{rubric}{_stem(data)}{asked}</div>"


_KINDS: Mapping[str, Callable[[Fields, str], Made]] = {
    "true_false": _true_false,
    "single_choice": _choice,
    "multiple_choice": _choice,
    "fill_blank": _fill,
    "numeric": _numeric,
    "ordering": _order,
    "matching": _match,
    "short_answer": _essay,
}
