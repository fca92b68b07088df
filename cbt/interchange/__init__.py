"""Banks come and go: the forms they take, read in children, written one item at a time; `registry` lists them."""
