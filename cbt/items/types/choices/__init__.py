"""What 单选 and 多选 share."""

__all__ = ["authoring", "gift", "moodle", "qti_writing", "sheet"]
