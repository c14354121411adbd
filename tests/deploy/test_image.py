"""The image is made, step by step, in fresh roots of Debian: what Docker does, where there is no registry to ask.

It takes some minutes and a network, so it is done when it is asked for: ``CONFERENCE_TRY_IMAGE=1``, as root.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.test_service import instructions
from tests.interop.test_package import copy_tracked

pytestmark = pytest.mark.interop

MIRROR = "http://deb.debian.org/debian"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command: str) -> str:
    """What a command says; an error with all of it if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def inside(root: Path, command: str, *, user: str = "root", environment: dict[str, str] | None = None) -> str:
    """Run a command as a step of the image is run: with the root for its own, and processes of its own."""
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    script = (
        f'mount -t proc proc "$1/proc" && exec chroot --userspec={user} "$1" env -i {shlex.join(settings)} sh -c "$2"'
    )
    return run("unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", str(root), command)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A fresh root."""
    if os.environ.get("CONFERENCE_TRY_IMAGE") != "1":
        pytest.skip("NOT TRIED: the steps of the image. CONFERENCE_TRY_IMAGE=1 tries them, in some minutes.")
    if os.getuid() != 0 or shutil.which("mmdebstrap") is None:
        pytest.skip("MISSING: mmdebstrap, or root. The steps of the image are not tried (apt-get install mmdebstrap).")
    root = tmp_path / "debian"
    run("mmdebstrap", "--variant=minbase", "bookworm", str(root), MIRROR)
    return root


def test_each_step_of_the_image_works_and_what_it_makes_serves(debian: Path, tmp_path: Path) -> None:
    stages: dict[str, Path] = {}
    root, environment, user = debian, {}, "root"
    authorities = {} if not AUTHORITIES.is_file() else {"PIP_CERT": "/authorities.pem"}
    for name, rest in instructions():
        words = shlex.split(rest)
        if name == "FROM":
            root = tmp_path / f"stage-{len(stages)}"
            run("cp", "-a", str(debian), str(root))
            shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
            if authorities:
                shutil.copy(AUTHORITIES, root / "authorities.pem")
            stages[words[2] if len(words) > 2 else "image"] = root
            environment, user = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "root"
        elif name == "RUN":
            inside(root, rest, user=user, environment=environment | authorities)
        elif name == "COPY" and words[0].startswith("--from="):
            run("cp", "-a", f"{stages[words[0].removeprefix('--from=')]}{words[1]}", f"{root}{words[2]}")
        elif name == "COPY":
            copy_tracked(root / words[1].strip("/"))
        elif name == "ENV":
            given = dict(one.split("=", 1) for one in words)
            environment |= {key: value.replace("$PATH", environment["PATH"]) for key, value in given.items()}
        elif name == "USER":
            user = words[0]
    script = (
        "export CONFERENCE_HOST=127.0.0.1 CONFERENCE_PORT=18080 CONFERENCE_UDP_PORT=0; conference serve & sleep 1;"
        "for i in $(seq 120); do python3 -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:18080/healthz')\""
        " 2>/dev/null && break; sleep 0.5; done;"
        "conference join http://127.0.0.1:18080 --room tea --duration 1 && kill $! && wait $!"
    )
    assert "Conference is ready" in inside(stages["image"], script, user=user, environment=environment)
