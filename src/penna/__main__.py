"""``python -m penna`` is the command ``penna``."""

from penna.cli import main

if __name__ == "__main__":
    main()
