"""Spreadsheets: read in a confined child, written so that text stays text."""
