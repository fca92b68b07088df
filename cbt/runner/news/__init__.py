"""What staff did reaches the pages it concerns within two seconds: heard of in the log, told in words.

Whatever changes an examination is an entry of the audit log, written in the transaction of the change, and the
entries' numbers grow as their transactions commit. So the number at the log's end says whether anything happened,
and one watcher in each process asks for it, for everybody who waits.
"""

__all__ = ["entries", "handler", "watcher"]
