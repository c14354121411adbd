"""A server in a process of its own, as people start it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Running:
    """``python server.py`` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(ROOT / "server.py"), "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = ""
        while "Ctrl-C" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.said += line
        found = re.search(r"https?://[^/]+/", self.said)
        assert found
        self.url = found[0]

    def stop(self, number: int) -> tuple[int, str]:
        """Send a signal; exit status, and what came on standard error. An error if it goes on for long."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors

    def kill(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
