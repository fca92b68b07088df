"""Certificates (证书): who gets one, its number, the signed statement it carries, and what answers a look-up.

The one part of the rules that uses cryptography: signatures and sealed records are functions of keys and bytes.
"""

__all__ = ["issuing", "lookup", "number", "signing", "statement"]
