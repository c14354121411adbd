"""The page's modules in one piece do what they do one by one; what cannot be put together is refused with a reason."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conference.web.api.pages import static_directory
from conference.web.page.bundle import BundleError, bundle

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed: the page's code is not run")


def write(directory: Path, modules: dict[str, str]) -> Path:
    for name, text in modules.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def run(path: Path) -> str:
    assert NODE is not None
    done = subprocess.run([NODE, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_of(text: str) -> list[str]:
    """Which modules have been put together, in their order."""
    return re.findall(r"^// (\S+\.js)$", text, re.MULTILINE)


MODULES = {
    "main.js": """\
import { greet, NAMES as names } from "./words/greet.js";
import * as numbers from "./numbers.js";
import "./effects.js";

/** @param {import("./words/greet.js").Name} name  a type, and no import */
const say = (name) => console.log(greet(name), numbers.twice(numbers.ONE), new numbers.Counter().next());
names.forEach(say);
""",
    "words/greet.js": """\
import { ONE } from "../numbers.js";
export const NAMES = ["Amy"];
const hidden = "Hello";
export function greet(name) {
  return `${hidden}, ${name} ${ONE}
import nothing
`;
}
""".replace("\nimport nothing", "\n  import nothing"),
    "numbers.js": """\
export const ONE = 1;
export function twice(number) { return 2 * number; }
export async function later() { await null; }
export class Counter {
  #at = ONE;
  next() { return ++this.#at; }
}
console.log("numbers, once");
""",
    "effects.js": 'console.log("effects");\n',
}


@needs_node
def test_modules_in_one_piece_do_what_they_do_one_by_one(tmp_path: Path) -> None:
    write(tmp_path, MODULES | {"package.json": '{"type": "module"}'})
    (tmp_path / "whole.js").write_text(bundle(tmp_path, "main.js"), encoding="utf-8")
    alone = run(tmp_path / "main.js")
    assert alone.startswith("numbers, once\neffects\nHello, Amy 1")
    assert run(tmp_path / "whole.js") == alone


def test_descriptions_are_left_out_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    described = "/**\n * One.\n * Pure.\n */\n\n"
    text = described + "  /** @type {number} */ const one = 1; /** two */\n/** three */\nconst two = `/*`;\n"
    write(tmp_path, {"main.js": text})
    lines = bundle(tmp_path, "main.js").splitlines()[2:]
    assert lines[:5] == [""] * 5
    assert lines[5:8] == ["  /** @type {number} */ const one = 1; /** two */", "", "const two = `/*`;"]


@needs_node
def test_the_page_of_today_is_put_together_with_every_module_once_behind_what_it_imports(tmp_path: Path) -> None:
    assert NODE is not None
    directory = static_directory() / "js"
    text = bundle(directory, "main.js")
    order = modules_of(text)
    others = {*modules_of(bundle(directory, "admin.js")), "embed.js"}  # an administrator's page, and other sites' pages
    assert sorted({*order, *others}) == sorted(str(path.relative_to(directory)) for path in directory.rglob("*.js"))
    assert len(order) == len({*order})
    assert order[-1] == "main.js"
    whole = tmp_path / "whole.mjs"
    whole.write_text(text, encoding="utf-8")
    done = subprocess.run([NODE, "--check", str(whole)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)


@needs_node
def test_what_is_put_together_for_others_exports_what_its_module_does(tmp_path: Path) -> None:
    write(tmp_path, MODULES | {"package.json": '{"type": "module"}'})
    (tmp_path / "whole.js").write_text(bundle(tmp_path, "numbers.js", exports=True), encoding="utf-8")
    page = 'import { ONE, twice, Counter } from "./whole.js";\nconsole.log(twice(ONE), new Counter().next());\n'
    (tmp_path / "page.js").write_text(page)
    assert run(tmp_path / "page.js") == "numbers, once\n2 2\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('import one from "./other.js";', "an import of this form"),
        ('import { one } from "https://elsewhere.example/one.js";', "an import of this form"),
        ('import { one } from "./other.js"; import "./more.js";', "an import of this form"),
        ('import { one } from "../../secret.js";', "outside of the page"),
        ("export default 1;", "an export of this form"),
        ("export let changing = 1;", "an export of this form"),
        ("export { one };", "an export of this form"),
        ('export * from "./other.js";', "an export of this form"),
        ('const later = () => import("./other.js");', "not known"),
        ("  console.log(import.meta.url);", "not known"),
        ("await null;", "not known"),
        ("const waited = await null;", "not known"),
    ],
)
def test_what_cannot_be_put_together_is_refused_with_where_it_stands(tmp_path: Path, line: str, why: str) -> None:
    write(tmp_path, {"main.js": f"// one\n{line}\n", "other.js": ""})
    with pytest.raises(BundleError, match=rf"^main\.js, line 2: .*{why}"):
        bundle(tmp_path, "main.js")


def test_modules_that_import_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"main.js": 'import "./other.js";\n', "other.js": 'import "./main.js";\n'})
    with pytest.raises(BundleError, match=r"main\.js imports itself, by way of other\.js"):
        bundle(tmp_path, "main.js")


def test_a_module_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"main.js": 'import "./other.js";\n'})
    with pytest.raises(FileNotFoundError):
        bundle(tmp_path, "main.js")
