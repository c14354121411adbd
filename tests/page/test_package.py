"""What npm packs for other pages: the module and all that it imports, with its types, and no more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"


def test_the_package_has_all_that_its_module_imports_and_can_be_imported_by_its_name(tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("MISSING: npm. Install it to pack what other pages import (Debian: apt-get install npm).")
    packed = subprocess.run(
        [npm, "pack", "--json", "--silent", "--pack-destination", str(tmp_path), "--cache", str(tmp_path / "cache")],
        cwd=STATIC, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    [package] = json.loads(packed.stdout)
    folder = tmp_path / "node_modules" / package["name"]
    with tarfile.open(tmp_path / package["filename"]) as archive:
        archive.extractall(tmp_path, filter="data")
    folder.parent.mkdir()
    (tmp_path / "package").rename(folder)
    exports = json.loads((folder / "package.json").read_text())["exports"]["."]
    assert (folder / exports["types"]).is_file()
    imports = re.compile(r'^import [^"]*"(\.[^"]+)";', re.MULTILINE)
    for module in folder.rglob("*.js"):
        for one in imports.findall(module.read_text(encoding="utf-8")):
            assert (module.parent / one).is_file(), (module, one)
    (tmp_path / "page.mjs").write_text(
        f'import {{ joinRoom, JoinError }} from "{package["name"]}";\n'
        'const url = "https://talk.example.org", wrong = [undefined, {}, { url: "nowhere", room: "tea" },\n'
        '  { url: "file:///tea", room: "tea" }, { url }, { url, room: "" }, { url, room: 7 },\n'
        '  { url, room: "tea", microphone: {} }, { url, room: "tea" }];\n'
        "const errors = await Promise.all(wrong.map((one) => joinRoom(one).catch((error) => error)));\n"
        "console.log(errors.every((one) => one instanceof JoinError && one.code === 'failed'));\n"
        "console.log(errors.map((one) => one.message.split(' ')[0]).join());\n"
    )
    done = subprocess.run([node, str(tmp_path / "page.mjs")], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "true\nurl,url,url,url,room,room,room,microphone,There\n", done.stderr
    assert package["size"] < 60_000
