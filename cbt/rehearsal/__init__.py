"""A sitting rehearsed: virtual candidates sit a paper over HTTP, on this hardware, in a copy that is thrown away.

What an installation stores of people stays where it is: a blueprint and its bank are read, and nothing is written.
"""
