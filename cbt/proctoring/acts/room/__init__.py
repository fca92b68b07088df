"""Acts about a whole room."""

__all__ = ["ending", "evacuation", "holding", "relocating", "starting"]
