"""What the bench measures, a module for each group of rows: what it needs, how it runs, what it must reach.

A new row is a `Group` of a module here and a line of `registry.py`; its name is the figure's in bench/results.json.
"""
