"""The office's pages of blueprints: what is in force, its versions, bringing and editing one."""

__all__ = ["pages", "views"]
