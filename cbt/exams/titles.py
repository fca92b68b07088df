"""What people call a paper."""

from __future__ import annotations

from cbt.rules.exam.blueprint import ExamBlueprint


def paper_title(blueprint: ExamBlueprint, paper_code: str) -> str:
    """Return the title of a paper as candidates read it: 客户服务管理员（三级）· 理论知识."""
    paper = blueprint.papers[paper_code]
    return f"{blueprint.occupation_name}（{blueprint.level_name}）· {paper.label}"
