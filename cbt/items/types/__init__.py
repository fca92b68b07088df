"""The types of an item, a folder each: what an author meets of it, what it is in each format and in a browser.

A folder has `editor` (its editor, its workbook cells, what is hinted), whichever of `gift`, `moodle`,
`qti_reader` and `qti_writer` its type can be, `form.html` (its fields in the editor), `answer.js` and
`answer.css` (its part of the answer page), and its texts in each language (`zh.po`, `en.po`). What is not there the
type has not: outside of it are its rules, the module of its name in `cbt/rules/items`, and its name in `ItemType`.
"""

__all__ = ["answer_page", "editor", "folders", "hotspot", "registry", "true_false"]
