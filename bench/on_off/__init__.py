"""Mechanisms of docs/decisions measured with and without, in turn, on one installation in one run."""
