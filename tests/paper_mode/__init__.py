"""Answer sheets: printed, filled in, scanned and read."""
