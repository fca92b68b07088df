"""What a batch examines: its occupation, levels by blueprint, papers and days; begun and changed."""

__all__ = ["views"]
