"""Who asks: login, machine, what they may, how many tries they have."""

__all__ = ["access", "cookies", "login", "login_store", "machine", "rate_limit", "throttle", "wsgi_login"]
