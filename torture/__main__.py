"""`python -m torture`: breaks an installation of its own on purpose; see docs/torture.md."""

from torture.commands import torture

if __name__ == "__main__":
    torture(prog_name="python -m torture")
