"""`python -m acadiff`, and the `acadiff` command."""

import sys

from acadiff.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
