"""The offline bundle: everything an installation without a network is made from, in one archive.

Beside the product, not in its wheel. `python -m bundle` builds it; `install.sh` in it installs it.
"""
