"""Before the start: what each machine of a room reports, what is wrong and what to do; 可以开考 or 暂不能开考."""

__all__ = ["room", "views"]
