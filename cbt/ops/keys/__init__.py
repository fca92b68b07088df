"""The keys of an installation: shown, printed, changed."""

__all__ = ["commands", "tls_commands"]
