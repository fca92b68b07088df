"""Many accounts at once: staff by workbook, and their one-time passwords on slips of paper."""
