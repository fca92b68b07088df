"""From a recipe to a file and the items that must be read of it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bank.field.containers import CONTAINERS, ONE_SHEET, Cell, Grid, Sheets
from tests.bank.field.items import BLANK, Author, Item
from tests.bank.field.recipes import HEADERS, Recipe, draw

LETTERS = "ABCDEFG"
_WORDS = {
    "words": ("单选题", "多选题", "判断题", "填空题", "简答题"),
    "tail words": ("选择题", "选择题", "判断题", "填空题", "简答题"),
    "codes": ("B", "G", "C", "T", "D"),
    "figures": ("1", "2", "3", "4", "4"),
}
_KINDS = ("single_choice", "multiple_choice", "true_false", "fill_blank", "short_answer")
_HEADINGS = (
    "一、单选题（每题1分）",
    "二、多项选择题",
    "三、判断题（对的打√，错的打×）",
    "四、填空题",
    "五、简答题",
)
_RADICALS = {"工": "⼯", "口": "⼝", "人": "⼈", "大": "⼤", "行": "⾏", "一": "⼀", "立": "⽴", "水": "⽔"}


@dataclass(slots=True)
class Made:
    """A file of the field; `asked` are the stems of items that no program can know the key of."""

    seed: int
    recipe: Recipe
    name: str
    content: bytes
    items: list[Item]
    asked: set[str] = field(default_factory=set)


def make(seed: int) -> Made:
    """Return the file of a seed."""
    rng = random.Random(seed)
    recipe = draw(rng, tuple(CONTAINERS), ONE_SHEET)
    author = Author(rng)
    items = [author.item(kind) for kind in recipe.kinds for _ in range(recipe.counts[kind])]
    if recipe.types in {"words", "codes", "prefix", "none"} and recipe.choices not in {"options"}:
        rng.shuffle(items)
    if not any(item.choices and "A" in str(item.key) for item in items) and recipe.key == "from zero":
        recipe.key = "numbers"
    writer = _Writer(recipe, rng, items)
    sheets = writer.sheets()
    ending, write = CONTAINERS[recipe.container]
    return Made(seed, recipe, f"题库{seed}{ending}", write(sheets), writer.truth, writer.asked)


class _Writer:
    """Writes the items of one file."""

    def __init__(self, recipe: Recipe, rng: random.Random, items: Sequence[Item]) -> None:
        self._recipe, self._rng, self._items = recipe, rng, items
        self.truth: list[Item] = []
        self.asked: set[str] = set()
        self._names = HEADERS[recipe.header]
        self._bracket = rng.choice(("（ ）", "（　　）", "（   ）", "( )", "(    )"))
        self._label = rng.choice((".", "、", "．", ". ", ":", "："))
        self._merged: list[tuple[int, int, int, int]] = []
        choices = [item for item in items if item.choices]
        self._width = max(len(item.choices) for item in choices)
        if recipe.truth[0] in {"pair", "reversed"}:
            self._width = max(self._width, 2)
        self._lying = set(rng.sample(range(len(choices)), 1)) if recipe.lie else set()

    def sheets(self) -> Sheets:
        if self._recipe.types == "sheets":
            grids, merged = {}, {}
            for kind, name in zip(_KINDS, ("单选题", "多选", "判断题", "填空", "简答题"), strict=True):
                own = [item for item in self._items if item.type == kind]
                if own:
                    self._merged = []
                    grids[name] = self._grid(own)
                    merged[name] = self._merged
            return Sheets(grids, merged)
        grid = self._grid(list(self._items))
        return Sheets({"Sheet1": grid}, {"Sheet1": self._merged})

    def _grid(self, items: list[Item]) -> Grid:
        columns = self._columns()
        body: Grid = []
        head = self._heads(columns, len(body))
        last = ""
        for number, item in enumerate(items, 1):
            if self._recipe.types == "headings" and item.type != last:
                at = 0 if columns[0] != "number" else self._rng.choice((0, columns.index("stem")))
                body.append(["" if n != at else _HEADINGS[_KINDS.index(item.type)] for n in range(at + 1)])
                last = item.type
            if "page headers" in self._recipe.dirt and number % 4 == 0:
                body.append(["值班员题库"])
            if self._recipe.placed == "repeated" and number == 4:
                body += [list(line) for line in head]
            body += self._rows(item, number, columns)
        return [*head, *body]

    def _columns(self) -> list[str]:
        """Return the fields of the columns in their order."""
        recipe = self._recipe
        found = []
        if "number" in self._names or recipe.choices in {"rows", "options"} or recipe.placed == "none":
            found.append("number")
        if "point" in self._names and recipe.placed != "none":
            found.append("point")
        if recipe.types in {"words", "codes", "figures", "tail words"}:
            found.append("type")
        found.append("stem")
        key_first = self._rng.random() < 0.15 and recipe.choices != "options"
        answer = [] if recipe.key in {"in stem", "at end", "flags"} else ["answer"]
        if recipe.choices in {"columns", "labelled columns"}:
            choices = [f"choice{n}" for n in range(self._width)]
        elif recipe.choices == "options":
            choices = ["right", "choices"]
        elif recipe.choices in {"lines", "bars", "dollars", "spaced", "json", "map"}:
            choices = ["choices"]
        else:
            choices = []
        found += [*answer, *choices] if key_first else [*choices, *answer]
        if recipe.placed != "none":
            found += [name for name in ("explanation", "difficulty") if name in self._names]
        return found

    def _header(self, name: str) -> str:
        if name.startswith("choice") and name != "choices":
            place = int(name[6:])
            letter = LETTERS[place]
            text = self._names["choice"]
            return (
                text.replace("{lower}", letter.lower())
                .replace("{wide}", chr(ord(letter) + 0xFEE0))
                .replace("#", str(place + 1))
                .replace("{}", letter)
            )
        if name == "right":
            return "是否正确项"
        if name == "choices" and self._recipe.choices == "options":
            return "选项内容"
        return self._names.get(name, {"number": "序号"}.get(name, name))

    def _heads(self, columns: list[str], _above: int) -> Grid:
        placed = self._recipe.placed
        headers: list[Cell] = [self._header(name) for name in columns]
        if placed == "none":
            return []
        if placed == "titled":
            return [["值班员（三级）理论题库"], headers]
        if placed == "below":
            return [["2026 年度练习题库"], [], ["说明：本题库供内部练习使用。"], headers]
        if placed == "counted":
            return [list(range(len(columns))), headers]
        if placed == "instructed":
            notes: list[Cell] = [
                {
                    "answer": "必填，请填写选项字母",
                    "stem": "必填，题目内容不超过500字",
                    "right": "必填，只能输入0或1",
                }.get(name, "选填")
                for name in columns
            ]
            return [headers, notes]
        if placed == "two rows":
            first = columns.index("choice0")
            upper: list[Cell] = ["" if name.startswith("choice") else self._header(name) for name in columns]
            upper[first] = "选项"
            lower: list[Cell] = [LETTERS[int(n[6:])] if n.startswith("choice") else "" for n in columns]
            self._merged.append((0, first, 0, first + self._width - 1))
            self._merged += [(0, n, 1, n) for n, name in enumerate(columns) if not name.startswith("choice")]
            return [upper, lower]
        return [headers]

    def _rows(self, item: Item, number: int, columns: list[str]) -> Grid:
        recipe = self._recipe
        choices = self._choices_of(item)
        key, stem, truth = self._key_of(item, choices)
        self.truth.append(truth)
        stem = self._dirty(stem, number)
        if recipe.types == "prefix":
            stem = f"[{_WORDS['words'][_KINDS.index(item.type)]}]{stem}"
        if recipe.choices == "options":
            return self._option_rows(item, number, stem, choices, columns)
        line: dict[str, Cell] = {"number": number, "point": "A-B-A-001", "stem": stem, "answer": key}
        line |= {"difficulty": self._rng.choice((1, 2, 3, 4, 5)), "explanation": "依据本岗位规程。"}
        if recipe.types in _WORDS:
            line["type"] = _WORDS[recipe.types][_KINDS.index(item.type)]
        below: Grid = []
        texts = [self._dirty_choice(text) for text in choices]
        named = [f"{letter}{self._label}{text}" for letter, text in zip(LETTERS, texts, strict=False)]
        match recipe.choices:
            case "columns":
                line |= {f"choice{n}": text for n, text in enumerate(texts)}
            case "labelled columns":
                line |= {f"choice{n}": text for n, text in enumerate(named)}
            case "lines":
                line["choices"] = "\n".join(named)
            case "bars":
                line["choices"] = " | ".join(named)
            case "dollars":
                line["choices"] = "$;".join(texts)
            case "spaced":
                line["choices"] = "\n".join("   ".join(named[n : n + 2]) for n in range(0, len(named), 2))
            case "json":
                line["choices"] = json.dumps(texts, ensure_ascii=False) if texts else ""
            case "map":
                line["choices"] = (
                    json.dumps(dict(zip(LETTERS, texts, strict=False)), ensure_ascii=False) if texts else ""
                )
            case "behind":
                line["stem"] = stem + "".join(f" {text}；" for text in named).rstrip("；")
            case "ampersand":
                line["stem"] = "&".join([stem, *texts])
            case "rows":
                below = [["" if name != "stem" else text for name in columns] for text in named]
            case "alternate":
                below = [["", *named]] if named else []
        return [[line.get(name, "") for name in columns], *below]

    def _choices_of(self, item: Item) -> list[str]:
        if item.type == "true_false" and self._recipe.truth[0] == "pair":
            return ["正确", "错误"]
        if item.type == "true_false" and self._recipe.truth[0] == "reversed":
            return ["错误", "正确"]
        return list(item.choices)

    def _key_of(self, item: Item, choices: list[str]) -> tuple[Cell, str, Item]:
        """Return the cell of the key, the stem as it is written, and the truth."""
        recipe, stem = self._recipe, item.stem
        if item.type == "true_false":
            return self._truth_key(item, choices)
        empty = stem.replace(BLANK, self._bracket)
        if item.type in {"fill_blank", "short_answer"}:
            return (
                str(item.key),
                empty.replace(self._bracket, "____") if self._rng.random() < 0.3 else empty,
                item,
            )
        letters = str(item.key)
        if self._lying and item is [one for one in self._items if one.choices][next(iter(self._lying))]:
            return self._lie(item, letters, empty)
        if recipe.key in {"in stem", "at end"}:
            with_blank = stem if BLANK in stem else f"{stem}{BLANK}。"
            truth = item.with_stem(with_blank)
            return "", with_blank.replace(BLANK, f"（ {letters} ）"), truth
        if recipe.key == "both" and BLANK in stem:
            return letters, stem.replace(BLANK, f"( {letters} )"), item
        places = [LETTERS.index(letter) for letter in letters]
        said = {
            "lower": recipe.between.join(letters.lower()),
            "wide": "".join(chr(ord(letter) + 0xFEE0) for letter in letters),
            "numbers": (recipe.between or ",").join(str(place + 1) for place in places),
            "from zero": (recipe.between or ",").join(str(place) for place in places),
            "text": (";" if recipe.between in {"", " "} else "|").join(choices[place] for place in places),
            "labelled": "\n".join(f"{LETTERS[place]}、{choices[place]}" for place in places),
        }.get(recipe.key, recipe.between.join(letters))
        return said, empty, item

    def _lie(self, item: Item, letters: str, empty: str) -> tuple[Cell, str, Item]:
        lie = self._recipe.lie
        self.asked.add(item.stem)
        if lie == "no key":
            return "", empty, item
        if lie == "two letters" and item.type == "single_choice":
            return "AB", empty, item
        return LETTERS[len(item.choices)] if len(item.choices) < 7 else "", empty, item

    def _truth_key(self, item: Item, choices: list[str]) -> tuple[Cell, str, Item]:
        recipe, right, stem = self._recipe, bool(item.key), item.stem
        if recipe.key == "in stem":
            return "", stem.rstrip("。") + f"。（{recipe.truth[not right]}）", item
        if recipe.key == "at end":
            return "", f"{stem}（ {recipe.truth[not right]} ）", item
        if recipe.truth[0] == "bool":
            return right, stem, item
        if recipe.truth[0] in {"pair", "reversed"}:
            said = "正确" if right else "错误"
            return (said if recipe.key == "text" else LETTERS[choices.index(said)]), stem, item
        text = recipe.truth[not right]
        return (
            (int(text) if text.isdigit() and recipe.container == "xlsx" else text),
            stem + (self._bracket if self._rng.random() < 0.2 else ""),
            item,
        )

    def _option_rows(
        self, item: Item, number: int, stem: str, choices: list[str], columns: list[str]
    ) -> Grid:
        key = str(item.key) if item.type != "true_false" else ("A" if item.key else "B")
        rows: Grid = []
        repeated = self._recipe.header in {"national", "common", "long"}
        for place, text in enumerate(choices):
            line: dict[str, Cell] = {"choices": text, "right": int(LETTERS[place] in key)}
            if place == 0 or repeated:
                line |= {"number": number, "stem": stem, "point": "A-B-A-001", "explanation": "见规程。"}
                if self._recipe.types in _WORDS:
                    line["type"] = _WORDS[self._recipe.types][_KINDS.index(item.type)]
            rows.append([line.get(name, "") for name in columns])
        return rows

    def _dirty(self, stem: str, number: int) -> str:
        dirt = self._recipe.dirt
        if "radicals" in dirt:
            stem = "".join(_RADICALS.get(char, char) for char in stem)
        if "no-break" in dirt:
            stem = stem.replace("，", "，\u00a0", 1)
        if "unseen" in dirt:
            stem = stem[:3] + "\u200b" + stem[3:] + "\ufeff"
        if "broken lines" in dirt and self._recipe.choices != "rows":
            found = re.search(r"[\u4e00-\u9fff](?=[\u4e00-\u9fff]{4})", stem[5:])
            at = 5 + found.end() if found else len(stem)
            stem = f"{stem[:at]}\n{stem[at:]}"
        if "worth" in dirt:
            stem = f"{stem}（2分）" if self._recipe.key not in {"in stem", "at end"} else stem
        if "numbered" in dirt:
            stem = f"{number}、{stem}"
        if "wide numbers" in dirt and "numbered" not in dirt:
            stem = f"{number}．{stem}"
        if "bracketed" in dirt and {"numbered", "wide numbers"} & set(dirt):
            stem = f"（    ）{stem}"
        if "bullets" in dirt:
            stem = f"║ {stem}"
        if "spaces" in dirt:
            stem = f"  {stem} \t"
        return stem

    def _dirty_choice(self, text: str) -> str:
        if "spaces" in self._recipe.dirt:
            return f" {text}\t" if self._recipe.choices in {"columns", "labelled columns"} else text
        if "radicals" in self._recipe.dirt:
            return "".join(_RADICALS.get(char, char) for char in text)
        return text
