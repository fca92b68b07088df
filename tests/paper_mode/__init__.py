"""Tests of the exam on paper."""
