"""What is attached to somebody of an application: the photo, scans of the evidence; made anew, sealed (R-74)."""

__all__ = ["attaching", "models", "store", "views"]
