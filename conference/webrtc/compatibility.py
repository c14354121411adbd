"""Whether the installed aiortc and aioice have what is touched of them without being promised."""

from __future__ import annotations

from collections.abc import Sequence


class IncompatibleLibraryError(RuntimeError):
    """The installed aiortc or aioice lacks something that this package relies on."""


def refuse_missing(names: Sequence[str]) -> None:
    """Make sure that nothing is missing.

    Args:
        names: of what was looked for in aiortc or aioice and is not there.

    Raises:
        IncompatibleLibraryError: there are any; it names them, and says what to do.
    """
    if names:
        raise IncompatibleLibraryError(
            f"The installed aiortc or aioice does not fit: {', '.join(names)} is gone. "
            "Install the versions that this package asks for: pip install --force-reinstall conference"
        )
