"""Where settings come from: the command line, else the environment, else a configuration file, else the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from conference.options.configuration_file import read_configuration
from conference.options.declaration import SettingsError
from conference.options.given import Given
from conference.options.option import Option, options_of

T = TypeVar("T")


def read_options(kind: type[T], given: Mapping[str, Any], environment: Mapping[str, str], *, file: str = "") -> T:
    """Settings from what was given on the command line, then the environment, then a file, then the defaults.

    Args:
        kind: the dataclass that declares them.
        given: values by fields' names; others may be among them.
        environment: texts by variables' names.
        file: the field that names a configuration file, if one can be given.

    Raises:
        SettingsError: with a sentence that names the option, the variable, or the file and its line.
    """
    options = options_of(kind)
    values: dict[str, Any] = {
        one.field: tuple(given[one.field]) if one.setting.many else given[one.field]
        for one in options
        if one.field in given
    }
    found = read_sources(options, values, environment, file=file)
    return kind(**{field: one.value for field, one in found.items()} | values)


def read_sources(
    options: tuple[Option, ...], given: Mapping[str, Any], environment: Mapping[str, str], *, file: str = ""
) -> dict[str, Given]:
    """What is given in the environment and in a file, by fields' names, but for what the command line gives.

    Args:
        options: all that there are.
        given: values of the command line, by fields' names.
        environment: as for :func:`read_options`.
        file: as there.

    Raises:
        SettingsError: as there.
    """
    found = _from_environment([one for one in options if one.field not in given], environment)
    path = given.get(file) or (found[file].value if file in found else None)
    if isinstance(path, Path):
        in_file = read_configuration(path, options, without=file)
        found = {field: one for field, one in in_file.items() if field not in given} | found
    return found


def _from_environment(options: Iterable[Option], environment: Mapping[str, str]) -> dict[str, Given]:
    found = {}
    for option in options:
        text = environment.get(option.variable, "").strip()
        if text:
            try:
                found[option.field] = option.read(
                    tuple(text.split()) if option.setting.many else (text,), option.variable
                )
            except ValueError as error:
                raise SettingsError(f"{option.variable}: {error}") from None
    return found
