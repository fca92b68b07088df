"""The waiting room's question, may I begin: answered from the memory of a process, as of a number of the log.

Everybody asks every few seconds, or waits with one request, so nothing is read for one who asks: what is known of a
login and of its room stands in a few lines each, and is read anew when the log names it.
"""

__all__ = ["hall", "handler"]
