"""What the readers of foreign banks share: words of keys and types, labels of choices, keys inside stems."""

__all__: list[str] = []
