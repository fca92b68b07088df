"""Word documents: .docx, and the XML of Word 2003 and of flat packages."""

__all__ = ["format"]
