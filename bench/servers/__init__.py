"""The servers that are measured: the product, the product with a slow disk, and REF."""
