"""Statistics of papers and items: pure functions over arrays, by numpy and scipy.special.

Only the child of a job loads them (`cbt/results/analysis`): no server process carries numpy. What is to be had of
scipy's functions alone is taken from there; `scipy.stats` would take a second and 60 MB to load.
"""
