"""The types of an item, a folder each: what an author meets of it, and what it is in each format.

A folder has `authoring` (its editor, its workbook cells, what is hinted) and whichever of `gift`, `moodle`,
`qti_reading`, `qti_writing` and `sheet` its type can be. What is not there the type has not: nothing else knows.
"""

__all__ = ["authoring", "cells", "folders", "hotspot", "registry", "true_false"]
