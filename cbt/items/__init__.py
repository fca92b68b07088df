"""An item as everybody sees it: its tables, its types, its draft, its findings and media."""
