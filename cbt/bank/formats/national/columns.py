"""The 国标 11 columns and what else people put beside them."""

from __future__ import annotations

from cbt.sheets.columns import Column, Columns

CHOICES = tuple(f"choice_{letter}" for letter in "ABCDEFGH")

COLUMNS = Columns(
    Column(
        "point",
        ("鉴定点代码", "认定点代码", "鉴定点", "认定点", "知识点代码", "知识点", "考核点代码"),
        required=True,
        width=16,
    ),
    Column("type", ("题目类型代码", "题型代码", "题目类型", "题型", "试题类型"), required=True, width=14),
    Column(
        "stem",
        ("试题(题干)", "试题", "题干", "题目内容", "题目", "试题内容"),
        required=True,
        width=60,
    ),
    *(
        Column(name, tuple(f"{before}选项{name[-1]}" for before in ("", "试题")), width=24)
        for name in CHOICES
    ),
    Column("answer", ("答案", "正确答案", "标准答案", "参考答案"), required=True, width=10),
    Column("difficulty", ("难度代码", "难度", "难度等级"), width=10),
    Column("consistency", ("一致性代码", "一致性"), width=12),
    Column("explanation", ("解析", "题目解析", "整体解析", "试题解析", "答案解析")),
)
TEMPLATE = ("point", "type", "stem", *CHOICES[:5], "answer", "difficulty", "consistency")
