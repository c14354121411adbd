"""The entry point: ``python server.py`` is ``conference serve``, with the same options."""

from __future__ import annotations

import sys

from conference.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
