"""What every answer to an error holds, as a type (RFC 9457)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: Annotated[
        str, Field(description="Which problem it is, for programs; `about:blank` where the status says enough.")
    ]
    title: Annotated[str, Field(description="A sentence that a person can act on.")]
    status: int
