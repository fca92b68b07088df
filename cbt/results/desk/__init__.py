"""The result desk (成绩台): a person's paper and what its verdict rests on, everybody's marks, exports."""

__all__ = ["certificates", "jobs", "result_table_views", "views"]
