"""保管与销毁: what is kept how long, legal holds, destruction by two people, a person's own data (R-95)."""
