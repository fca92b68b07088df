"""People of an application by workbook: the template, a list looked at before it is taken over, the list marked."""

__all__ = ["people_import", "views"]
