"""The forms of the notice on paper: Annex 1 and Annex 2, filled from what is known of an application's people."""

__all__ = ["views"]
