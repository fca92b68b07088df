"""One question of an item of QTI 2.x or 3.0: the element that is answered and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.qti import words
from cbt.bank.formats.qti.keys import Declaration, tolerance_of

if TYPE_CHECKING:
    from cbt.bank.formats.qti.items import Around

TOOL = "cbt"
"""An item with this tool's name was written by us: its ref is its label, and a 判断 names its choices so."""
_NUMBERS = frozenset({"float", "integer"})
_LIMITS = range(10, 5001)
_TRUE = frozenset({"true", "t", "对", "正确", "√", "是"})
_FALSE = frozenset({"false", "f", "错", "错误", "×", "否"})


@dataclass(frozen=True, slots=True)
class Asking:
    """The item a question stands in."""

    found: Gleaning
    root: Any
    keys: Mapping[str, Declaration]
    around: Around

    @property
    def title(self) -> str:
        """Return what the item is called."""
        return self.root.get("title") or self.around.name

    def key(self, node: Any) -> Declaration:
        """Return what is right for the element that is answered."""
        name = node.get("responseIdentifier") or ""
        if name not in self.keys:
            raise LeftOut("open_no_key", self.title)
        if self.keys[name].shares():
            self.found.hint("open_weights", self.title)
        return self.keys[name]

    def texts(self, node: Any, name: str) -> dict[str, str]:
        """Return the texts of the choices in an element, by their identifiers."""
        return {
            one.get("identifier") or "": words.content(self.found, one)
            for one in tree.descendants(node, name)
        }

    def prompt(self, node: Any) -> str:
        """Return what an element asks."""
        said = tree.child(node, "prompt")
        return words.written(self.found, [said]) if said is not None else ""


def ask(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    """Return the item of a block in which one thing is asked, or texts for several blanks."""
    kind = tree.local(asked[0])
    if kind == "textEntryInteraction":
        return _entries(asking, block, asked)
    make = _KINDS.get(kind)
    if make is None:
        raise LeftOut("open_type", kind, name=asking.title)
    return make(asking, block, asked[0])


def _around(asking: Asking, block: Any, node: Any, inside: str) -> str:
    """Return the text of a block with `inside` for the element that is answered."""
    return words.written(asking.found, [block], lambda one: inside if one is node else None)


def _stem(asking: Asking, block: Any, node: Any) -> str:
    return _around(asking, block, node, f"\n\n{asking.prompt(node)}\n\n")


def _entries(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    """Return a 计算 for one number, else a 填空 for as many texts as there are."""
    marks = {id(node): f"{{{{{number}}}}}" for number, node in enumerate(asked, 1)}
    stem = words.written(asking.found, [block], lambda one: marks.get(id(one)))
    keys = [asking.key(node) for node in asked]
    if len(asked) == 1 and keys[0].base in _NUMBERS:
        return _number(asking, stem, keys[0])
    for key in keys:
        if key.exact:
            asking.found.hint("open_case", asking.title)
    return questions.fill(stem, [[text for text in key.spellings() if text] for key in keys])


def _number(asking: Asking, stem: str, key: Declaration) -> dict[str, Any]:
    right = key.right()
    if len(right) != 1:
        raise LeftOut("open_numbers" if right else "open_no_key", asking.title)
    answer = questions.number(right[0])
    tolerance = tolerance_of(asking.root, key.name, answer) if answer is not None else None
    if answer is None or tolerance is None:
        raise LeftOut("open_number", right[0])
    return questions.numeric(stem, answer, tolerance)


def _choice(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    return _choices(asking, _stem(asking, block, node), node, "simpleChoice")


def _inline_choice(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    return _choices(asking, _around(asking, block, node, questions.BLANK), node, "inlineChoice")


def _choices(asking: Asking, stem: str, node: Any, name: str) -> dict[str, Any]:
    key, texts = asking.key(node), asking.texts(node, name)
    right = key.right()
    if any(one not in texts for one in right):
        raise LeftOut("open_key_unknown", ", ".join(right))
    several = key.cardinality == "multiple"
    ours = asking.root.get("toolName") == TOOL and set(texts) != {"true", "false"}
    if len(texts) == 2 and not (several or ours) and (truth := truths(texts)) and len(right) == 1:
        return questions.true_false(stem, truth[right[0]])
    fixed = node.get("shuffle") == "false"
    pairs = [(text, name in right) for name, text in texts.items()]
    data = questions.choice(stem, pairs, multiple=several, fixed=fixed)
    said = [words.inline_feedback(asking.found, one) for one in tree.descendants(node, name)]
    return data | {"feedback": list(zip(questions.LETTERS, said, strict=False))}


def truths(texts: Mapping[str, str]) -> dict[str, bool] | None:
    """Return which of two choices says right and which wrong, None where they say something else."""
    plain = {name: text.lower() for name, text in texts.items()}
    if not any(text in _TRUE for text in plain.values()) or not any(
        text in _FALSE for text in plain.values()
    ):
        return None
    return {name: text in _TRUE for name, text in plain.items()}


def _order(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    key, texts = asking.key(node), asking.texts(node, "simpleChoice")
    if not key.correct:
        raise LeftOut("open_no_key", asking.title)
    if sorted(key.correct) != sorted(texts):
        raise LeftOut("open_key_unknown", ", ".join(key.correct))
    return questions.ordering(_stem(asking, block, node), [texts[name] for name in key.correct])


def _match(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    """Return a 匹配; either set may be the one whose every member has just one partner."""
    sets = [asking.texts(one, "simpleAssociableChoice") for one in tree.children(node, "simpleMatchSet")]
    pairs = [tuple(pair.split()) for pair in asking.key(node).right()]
    if len(sets) != 2 or any(len(pair) != 2 for pair in pairs):
        raise LeftOut("open_no_key", asking.title)
    for place in (0, 1):
        lefts, rights = sets[place], sets[1 - place]
        chosen = {pair[place]: pair[1 - place] for pair in pairs}
        if len(chosen) == len(pairs) == len(lefts) and chosen.keys() == lefts.keys():
            if not set(chosen.values()) <= rights.keys():
                break
            told = [(text, rights[chosen[name]]) for name, text in lefts.items()]
            return questions.matching(_stem(asking, block, node), told, rights.values())
    raise LeftOut("open_type", "matchInteraction n:m", name=asking.title)


def _gaps(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    """Return a 填空 whose blanks are filled with words of the item."""
    if next(tree.descendants(node, "gapImg"), None) is not None:
        raise LeftOut("open_type", "gapImg", name=asking.title)
    texts = asking.texts(node, "gapText")
    gaps = [one.get("identifier") or "" for one in tree.descendants(node, "gap")]
    chosen: dict[str, str] = {}
    for pair in asking.key(node).right():
        word, _space, gap = pair.partition(" ")
        chosen[gap.strip()] = word
    if not set(gaps) <= chosen.keys() or not set(chosen.values()) <= texts.keys():
        raise LeftOut("open_no_key", asking.title)

    def special(one: Any) -> str | None:
        name = tree.local(one)
        if name == "gap":
            return f"{{{{{gaps.index(one.get('identifier') or '') + 1}}}}}"
        return "" if name == "gapText" else None

    stem = words.written(asking.found, [block], special)
    return questions.fill(stem, [[texts[chosen[gap]]] for gap in gaps], list(dict.fromkeys(texts.values())))


def _essay(asking: Asking, block: Any, node: Any) -> dict[str, Any]:
    told = words.for_markers(asking.found, block)
    key = asking.keys.get(node.get("responseIdentifier") or "")
    answer = told or "\n".join(key.correct if key is not None else [])
    wanted = node.get("expectedLength") or ""
    limit = int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted[:6]) in _LIMITS else 0
    return questions.short_answer(_stem(asking, block, node), answer, limit if len(answer) <= limit else 0)


_KINDS: Mapping[str, Callable[[Asking, Any, Any], dict[str, Any]]] = {
    "choiceInteraction": _choice,
    "inlineChoiceInteraction": _inline_choice,
    "orderInteraction": _order,
    "matchInteraction": _match,
    "gapMatchInteraction": _gaps,
    "extendedTextInteraction": _essay,
}
