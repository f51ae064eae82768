"""Starts Matchmap Annotator: ``python main.py`` opens the app, ``python main.py VERB`` does one verb headless."""

import sys

from annotator.cli import main

if __name__ == "__main__":
    sys.exit(main())
