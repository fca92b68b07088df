"""How a file is laid out: header × choices × key × type × dirt × container, drawn by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HEADERS: dict[str, dict[str, str]] = {
    "national": {
        "point": "鉴定点代码",
        "type": "题目类型代码",
        "stem": "试题(题干)",
        "choice": "选项{}",
        "answer": "答案",
        "difficulty": "难度代码",
        "choices": "选项",
    },
    "long": {
        "number": "序号",
        "type": "题型代码",
        "stem": "试题（题干）",
        "choice": "试题（选项{}）",
        "answer": "正确答案",
        "explanation": "解析",
        "choices": "试题选项",
    },
    "spaced": {
        "number": "题号",
        "type": "题型代码",
        "stem": "试题（题干）",
        "choice": "试题（选项 {}）",
        "answer": "答案",
        "choices": "选项内容",
    },
    "common": {
        "type": "题型",
        "stem": "题干",
        "choice": "选项{}",
        "answer": "正确答案",
        "explanation": "解析",
        "difficulty": "难度",
        "choices": "选项",
    },
    "items": {
        "number": "序号",
        "type": "试题类型",
        "stem": "试题内容",
        "choice": "{}项",
        "answer": "正确选项",
        "choices": "备选项",
    },
    "numbers": {
        "number": "编号",
        "type": "类型",
        "stem": "问题",
        "choice": "选项#",
        "answer": "正确答案(只能输入ABCD否则报错)",
        "choices": "备选答案",
    },
    "small": {
        "number": "ID",
        "type": "题目类型",
        "stem": "题目内容",
        "choice": "选项{lower}",
        "answer": "标准答案",
        "explanation": "题目解析",
        "choices": "答案选项",
    },
    "english": {
        "number": "QNumber",
        "type": "QuestionType",
        "stem": "Question",
        "choice": "Option{}",
        "answer": "Answer",
        "choices": "Options",
    },
    "bare": {
        "number": "序号",
        "type": "题型",
        "stem": "题目",
        "choice": "{}",
        "answer": "答案",
        "choices": "选项",
    },
    "projects": {
        "number": "题序",
        "type": "题类",
        "stem": "试题题干",
        "choice": "{}项目",
        "answer": "参考答案",
        "choices": "候选项",
    },
    "wide": {
        "number": "序 号",
        "type": "题 型",
        "stem": "题　干",
        "choice": "选项{wide}",
        "answer": "答 案",
        "choices": "选 项",
    },
}
PLACED = ("first", "titled", "below", "two rows", "repeated", "counted", "instructed", "none")
CHOICES = (
    "columns",
    "columns",
    "labelled columns",
    "lines",
    "bars",
    "dollars",
    "spaced",
    "json",
    "map",
    "behind",
    "ampersand",
    "rows",
    "alternate",
    "options",
)
KEYS = ("letters", "lower", "wide", "numbers", "from zero", "text", "labelled", "in stem", "at end", "both")
BETWEEN = ("", ",", "、", ";", "，", " ", "|")
TYPES = ("words", "codes", "sheets", "headings", "prefix", "none", "tail words")
TRUTHS = (
    ("√", "×"),
    ("对", "错"),
    ("正确", "错误"),
    ("T", "F"),
    ("Y", "N"),
    ("是", "否"),
    ("✓", "✗"),
    ("A", "B"),
    ("1", "0"),
    ("1", "2"),
    ("1.0", "0.0"),
    ("true", "false"),
    ("bool", "bool"),
    ("pair", "pair"),
    ("reversed", "reversed"),
)
DIRT = (
    "spaces",
    "no-break",
    "bullets",
    "numbered",
    "radicals",
    "unseen",
    "broken lines",
    "page headers",
    "worth",
    "bracketed",
    "wide numbers",
)
LIES = ("beyond", "no key", "two letters", "other in stem")
KINDS = ("single_choice", "multiple_choice", "true_false", "fill_blank", "short_answer")


@dataclass(slots=True)
class Recipe:
    """One way to lay a bank out."""

    header: str = "common"
    placed: str = "first"
    choices: str = "columns"
    key: str = "letters"
    between: str = ""
    types: str = "words"
    truth: tuple[str, str] = ("√", "×")
    dirt: tuple[str, ...] = ()
    container: str = "xlsx"
    kinds: tuple[str, ...] = ("single_choice", "multiple_choice", "true_false")
    lie: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the recipe in a line."""
        dirt = "+".join(self.dirt) or "clean"
        truth = "/".join(self.truth)
        return (
            f"{self.header}·{self.placed} × {self.choices} × {self.key}{self.between!r} × {self.types}"
            f" × {truth} × {dirt} × {self.container} × {self.lie or 'no lie'} × {'+'.join(self.kinds)}"
        )


def draw(rng: random.Random, containers: tuple[str, ...], one_sheet: frozenset[str]) -> Recipe:
    """Return a recipe whose parts can meet."""
    made = Recipe(
        header=rng.choice(list(HEADERS)),
        placed=rng.choice(PLACED),
        choices=rng.choice(CHOICES),
        key=rng.choice(KEYS),
        between=rng.choice(BETWEEN),
        types=rng.choice(TYPES),
        truth=rng.choice(TRUTHS),
        dirt=tuple(rng.sample(DIRT, rng.choice((0, 0, 1, 1, 2)))),
        container=rng.choice(containers),
        lie=rng.choice(LIES) if rng.random() < 0.08 else "",
    )
    kinds = ["single_choice"]
    kinds += [kind for kind in KINDS[1:3] if rng.random() < 0.7]
    kinds += [kind for kind in KINDS[3:] if rng.random() < 0.25]
    made.kinds = tuple(kinds)
    _fit(made, rng, one_sheet)
    made.counts = {kind: rng.randint(3, 9) for kind in made.kinds}
    return made


def _fit(made: Recipe, rng: random.Random, one_sheet: frozenset[str]) -> None:
    """Change what cannot stand together in any file."""
    if made.choices == "options":
        made.placed = rng.choice(("first", "titled", "instructed"))
        made.key, made.types, made.lie = "flags", rng.choice(("words", "codes", "figures")), ""
        made.truth = ("pair", "pair")
        made.kinds = tuple(kind for kind in made.kinds if kind not in {"fill_blank", "short_answer"})
        made.dirt = tuple(one for one in made.dirt if one != "page headers")
    if made.choices == "alternate":
        made.placed, made.types = "none", rng.choice(("headings", "none"))
        made.key = rng.choice(("in stem", "letters", "at end"))
        made.kinds = tuple(kind for kind in made.kinds if kind not in {"fill_blank", "short_answer"})
        made.truth = rng.choice((("√", "×"), ("对", "错"), ("✓", "✗")))
        if made.key == "at end":
            made.truth = ("√", "×")
    if made.choices == "rows":
        made.types = rng.choice(("words", "headings", "none", "sheets"))
        made.truth = rng.choice((("√", "×"), ("对", "错")))
    if made.choices == "ampersand":
        made.key = rng.choice(("text", "letters"))
        made.kinds = tuple(kind for kind in made.kinds if kind in {"single_choice", "true_false"})
    if made.placed == "two rows" and (made.choices not in {"columns", "labelled columns"}):
        made.placed = "first"
    if made.placed == "none" and made.types == "codes":
        made.types = "words"
    if made.types in {"none", "tail words"} or made.placed == "none":
        made.kinds = tuple(kind for kind in made.kinds if kind not in {"fill_blank", "short_answer"})
        if made.truth[0] in {"A", "1", "1.0"}:
            made.truth = ("√", "×")
    if made.key in {"in stem", "at end"}:
        made.kinds = tuple(kind for kind in made.kinds if kind not in {"fill_blank", "short_answer"})
        if made.truth[0] not in {"√", "对", "✓", "正确"}:
            made.truth = ("√", "×")
        if made.key == "at end":
            made.truth = ("√", "×")
    if made.key == "text" and made.truth[0] in {"reversed"}:
        made.truth = ("pair", "pair")
    if made.truth[0] in {"pair", "reversed"} and made.choices in {
        "behind",
        "ampersand",
        "rows",
        "json",
        "map",
        "spaced",
    }:
        made.truth = ("对", "错")
    if made.types == "sheets" and made.container in one_sheet:
        made.types = "headings"
    if made.container in one_sheet and made.choices == "lines":
        made.choices = "bars"
    if made.types == "prefix" and made.choices in {"alternate", "options"}:
        made.types = "words"
    if made.lie and (
        made.choices in {"ampersand", "alternate", "rows", "behind"}
        or made.key not in {"letters", "lower", "wide"}
    ):
        made.lie = ""
    if made.lie and (made.types not in {"words", "codes", "sheets"} or made.placed == "none"):
        made.lie = ""
    if made.choices in {"spaced"} and made.container in one_sheet:
        made.container = "xlsx"
