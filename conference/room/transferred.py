"""What is told of somebody who is handed over to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

TransferState: TypeAlias = Literal["calling", "consulting", "joined", "completed", "canceled", "failed"]
"""Somebody is called; the agent talks to them alone; all three talk; the agent has left the others to it. Or the agent
has thought better of it; or whoever was called is not to be had."""


@dataclass(frozen=True, slots=True)
class TransferSnapshot:
    """A transfer at one moment. All but its own id are ids of participants."""

    id: str
    caller: str
    agent: str
    callee: str
    state: TransferState
