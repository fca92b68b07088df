"""Sounds that strangers recorded: read in a child, and copied without anything but the sound."""
