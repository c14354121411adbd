"""Puts the page's modules into one, so that a browser asks for one file and not for sixty, six at a time.

A module becomes a function that is called once, behind all those that it imports from, and gives what it exports:

    const $page_time = (() => { …; return { formatDuration }; })();
    const $views_roomview = (() => { const { formatDuration } = $page_time; …; return { RoomView }; })();

It takes the forms that the page's modules use, each import and export on a line of its own, and refuses all others.
What describes them in blocks that begin with ``/**`` at the beginning of a line is left out; its lines are left empty.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_IMPORT = re.compile(r'import (?:(\{[\w, $]+\}|\* as [\w$]+) from )?"(\.[\w./-]+\.js)";')
_EXPORT = re.compile(r"export (?:(?:async )?function\*? |class |const )([\w$]+)")
_COMMENT = re.compile(r"/\*.*?\*/|^\s*(?:\*|/\*|//).*")
_DESCRIPTION = re.compile(r"^[ \t]*/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*$", re.MULTILINE)
_UNKNOWN = re.compile(r"\bimport\s*[(.]|^(?:await\b|(?:const|let) .*= await\b)")


class BundleError(Exception):
    """The modules cannot be put together. The text says why."""


def bundle(directory: Path, main: str, *, exports: bool = False) -> str:
    """One module of those that a module needs.

    Args:
        directory: where the modules are.
        main: the path there of the one that needs all others.
        exports: whether the whole exports what that one does.

    Raises:
        BundleError: a module is written in a form that is not known here, or modules import each other in a circle.
        OSError: one cannot be read.
    """
    parts: dict[str, str] = {}
    exported = _add(directory, main, parts, ())
    if exports:
        parts[""] = f"export const {{ {', '.join(exported)} }} = {_name(main)};\n"
    return "\n".join(parts.values())


def _add(directory: Path, path: str, parts: dict[str, str], importers: tuple[str, ...]) -> list[str]:
    """Put a module behind those that it imports from.

    Returns:
        What it exports; nothing if it is there already.
    """
    if path in importers:
        raise BundleError(f"{path} imports itself, by way of {importers[-1]}.")
    if path in parts:
        return []
    lines: list[str] = []
    exported: list[str] = []
    text = (directory / path).read_text(encoding="utf-8")
    text = _DESCRIPTION.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("import"):
            names, imported = _imported(line, path, number)
            _add(directory, imported, parts, (*importers, path))
            line = _binding(names, imported)
        elif line.startswith("export"):
            found = _EXPORT.match(line)
            if found is None:
                raise BundleError(f"{path}, line {number}: an export of this form is not known here.")
            exported.append(found[1])
            line = line.removeprefix("export ")
        elif _UNKNOWN.search(_COMMENT.sub("", line)):
            raise BundleError(f"{path}, line {number}: this is not known here.")
        lines.append(line)
    body = "\n".join(lines)
    parts[path] = f"// {path}\nconst {_name(path)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
    return exported


def _imported(line: str, path: str, number: int) -> tuple[str | None, str]:
    """What a line imports: how it is called, and the path of the module that it is from."""
    found = _IMPORT.fullmatch(line.rstrip())
    if found is None:
        raise BundleError(f"{path}, line {number}: an import of this form is not known here.")
    steps: list[str] = []
    for step in (PurePosixPath(path).parent / found[2]).parts:
        if step != "..":
            steps.append(step)
        elif steps:
            steps.pop()
        else:
            raise BundleError(f"{path}, line {number}: this is outside of the page.")
    return found[1], "/".join(steps)


def _binding(names: str | None, imported: str) -> str:
    """What stands in place of an import."""
    if names is None:
        return ""
    if names.startswith("*"):
        return f"const {names.removeprefix('* as ')} = {_name(imported)};"
    return f"const {re.sub(r' as ', ': ', names)} = {_name(imported)};"


def _name(path: str) -> str:
    """How a module is called: as nothing in any of them is."""
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))
