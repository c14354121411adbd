"""What says which server a command is for, and that it cannot be reached."""

from __future__ import annotations

import argparse

from conference.cli.addresses import DEFAULT_URL, URL_VARIABLE, read_address
from conference.cli.terminal.arguments import add_token_option

HINT = ": is it running, and is --url right?"


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which server is meant, and what the answer is to look like."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--url", metavar="URL", dest="address_option", type=read_address,
        help=f"its address, or that of the room on it (default: ${URL_VARIABLE}, else {DEFAULT_URL})",
    )  # fmt: skip
    add_token_option(group)
    group.add_argument("--insecure", action="store_true", help="take an HTTPS certificate that nobody vouches for")
    parser.add_argument("--json", action="store_true", help="print what the server answers, as JSON")
