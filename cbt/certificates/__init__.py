"""Certificates (证书): their numbers, who gets one, the register, the print, and look-ups (R-93, R-94)."""
