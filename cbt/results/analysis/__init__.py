"""试卷质量分析: what the answers to a paper say of the paper and its items (R-96, R-97)."""

__all__ = ["answers", "figures", "job", "scope", "tables", "views"]
