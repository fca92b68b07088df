"""The key of an item wherever it stands, and its stem without it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cbt.bank.formats.cells import plain
from cbt.bank.formats.tables.cells.keys import (
    LETTERS,
    bare,
    find_key,
    has_blank,
    letters_in,
)
from cbt.bank.formats.tables.cells.kinds import verdicts
from cbt.bank.formats.tables.itemrow import Sense
from cbt.bank.formats.tables.ready import ReadyItem
from cbt.bank.items.types.true_false.authoring import truth_of


def key_letters(one: ReadyItem, sense: Sense) -> tuple[str, str, str]:
    """Return the key in letters, the stem without it, and the code of what is wrong with it."""
    if one.rights is not None:
        return (one.rights, one.stem, "" if one.rights and one.rights != "?" else "key_unmatched")
    answer = one.answer or one.bracket
    inside = [key for key in one.in_stem if key.kind != "truth"]
    if not answer:
        return _from_stem(one, inside, sense)
    found = find_key(answer, one.choices, sense.base, sense.prefer)
    if found.problem == "answer_no_choice":
        beyond = next(letter for letter in found.letters if LETTERS.index(letter) >= len(one.choices))
        return beyond, one.stem, found.problem
    if found.problem:
        return "", one.stem, found.problem
    if letters_in(answer) is None:
        sense.use("text" if found.by_text else "numbers")
    return _taken_out(one, inside, found.letters, sense)


def _taken_out(one: ReadyItem, inside: Sequence[Any], letters: str, sense: Sense) -> tuple[str, str, str]:
    """Return the stem without the key that stands in it, too; another than the key's is asked about."""
    keys = [key for key in inside if find_key(key.text, one.choices, sense.base).letters == letters]
    lettered = [key for key in keys if key.kind == "letters"]
    blank = has_blank(one.stem)
    if lettered and not blank:
        sense.use("stem_too")
        return letters, lettered[-1].stem, ""
    if keys and not blank and len(inside) == 1:
        sense.use("stem_too")
        return letters, keys[0].stem, ""
    if not keys and sense.bracketed and not blank and any(key.kind == "letters" for key in inside):
        return "", one.stem, "key_conflict"
    return letters, one.stem, ""


def _from_stem(one: ReadyItem, inside: Sequence[Any], sense: Sense) -> tuple[str, str, str]:
    lettered = [key for key in inside if key.kind == "letters"]
    usable = [key for key in lettered if not find_key(key.text, one.choices, 1).problem] or lettered
    usable = usable or [key for key in inside if key.kind == "text"]
    if not usable:
        return "", one.stem, "missing"
    if len(usable) > 1:
        return "", one.stem, "key_ambiguous"
    found = find_key(usable[0].text, one.choices, sense.base)
    if found.problem:
        return found.letters, one.stem, found.problem
    sense.use("stem")
    return found.letters, usable[0].stem, ""


def verdict_of(one: ReadyItem, sense: Sense) -> tuple[bool | None, str, str]:
    """Return what a 判断 says, the stem without it, and the code of what is wrong."""
    said = verdicts(one.choices)
    lone = truth_of(bare(one.choices[0])) if len(one.choices) == 1 and not one.answer else None
    if lone is not None:  # its table has its key where others begin their choices
        return lone, one.stem, ""
    if one.choices and said is None:
        return None, one.stem, "truth_choices"
    if one.rights is not None:
        chosen = LETTERS.find(one.rights) if len(one.rights) == 1 else -1
        return (
            (said[chosen], one.stem, "")
            if said and 0 <= chosen < len(said)
            else (None, one.stem, "key_unmatched")
        )
    inside = [key for key in one.in_stem if key.kind == "truth"]
    answer = one.answer or one.bracket
    if not answer:
        lettered = [key for key in one.in_stem if key.kind == "letters"]
        if said and len(lettered) == 1:
            answer, stem = lettered[0].text, lettered[0].stem
        elif len(inside) == 1:
            answer, stem = inside[0].text, inside[0].stem
        else:
            return None, one.stem, "key_ambiguous" if inside else "missing"
        sense.use("stem")
    else:
        stem = one.stem
    truth, problem = _truth_of(answer, said, sense)
    if problem or not one.answer:
        return truth, stem, problem
    marks = [key for key in inside if key.at_end and truth_of(key.text) is not None]
    if marks and truth_of(marks[-1].text) != truth:
        return None, stem, "key_conflict"
    return truth, marks[-1].stem if marks else stem, ""


def _truth_of(answer: str, said: Sequence[bool] | None, sense: Sense) -> tuple[bool | None, str]:
    text = plain(bare(answer))
    text = text[0] if re.fullmatch(r"[012]\.0+", text) else text
    letters = letters_in(answer)
    if said is not None and letters is not None and letters not in {"F"} and len(letters) == 1:
        place = LETTERS.index(letters)
        return (said[place], "") if place < len(said) else (None, "answer_no_choice")
    if said is not None and text.isdigit():
        by_place = said[int(text) - 1] if 1 <= int(text) <= len(said) else None
        by_value = sense.right.get(text)
        if by_place is None or by_value is None or by_place == by_value:
            return (by_value if by_place is None else by_place), "" if (by_place, by_value) != (
                None,
                None,
            ) else "answer_truth"
        return None, "key_ambiguous"
    if text in sense.right:
        sense.use("truth")
        return sense.right[text], ""
    if text in {"0", "1", "2", "A", "B"}:
        return None, "answer_truth"
    truth = truth_of(bare(answer))
    return truth, "" if truth is not None else "answer_truth"
