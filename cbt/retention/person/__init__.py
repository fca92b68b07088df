"""本人数据: what is held on one person, handed out, erased where no law keeps it, and what stays (R-95)."""

__all__ = ["views"]
