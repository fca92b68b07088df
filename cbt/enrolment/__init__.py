"""Before a candidate exists (申报): member units, their agreements, what they apply for."""
