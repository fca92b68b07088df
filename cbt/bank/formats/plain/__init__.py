"""Plain text and Markdown, in any Chinese encoding."""

__all__ = ["decoding", "format"]
