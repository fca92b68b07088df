"""What is published of the figures: tables, pages, a picture, a plan for a city."""
