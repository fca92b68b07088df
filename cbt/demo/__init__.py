"""A whole examination day to try the product with; all people in it are invented."""
