"""The files of the embedded database, held open by a server and compared with what lies at their paths."""

__all__ = ["deciding", "finding", "held", "hold"]
