"""What keys do in a room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from conference.attendant.announcer import Announcer
from conference.attendant.menu import HOSTS_ONLY, Menu, MenuAction
from conference.room.conference import Conference
from conference.room.room import Room

Record: TypeAlias = Callable[[Room, str], None]
"""Begins the recording of a room, or ends it, for somebody of this name."""

_KEY_NAMES = {"*": "key-star", "#": "key-hash"}


class Actions:
    """Does what callers ask for with their keys. What that changes, they hear of as of any other change.

    Args:
        conference: whose rooms.
        menu: how to ask for what.
        may_moderate: whether somebody in a room may do what hosts do.
        wallclock: unix time in seconds.
        record: begins the recording of a room, or ends it, for somebody of this name; ``None`` if nothing is recorded.
        may_record: whether somebody in a room may do that.
    """

    def __init__(
        self,
        conference: Conference,
        menu: Menu,
        may_moderate: Callable[[str, str], bool],
        wallclock: Callable[[], float],
        record: Record | None,
        may_record: Callable[[str, str], bool],
    ) -> None:
        self._conference = conference
        self._record = record
        self._may_record = may_record
        self._menu = menu if record is not None else menu.without("record")
        self._may_moderate = may_moderate
        self._wallclock = wallclock

    @property
    def menu(self) -> Menu:
        """How to ask for what can be done here."""
        return self._menu

    def do(self, action: MenuAction, announcer: Announcer, participant_id: str) -> list[str]:
        """Do something for somebody who is in the room. Returns what to say about it besides."""
        if action in HOSTS_ONLY and not self._may(action, announcer, participant_id):
            return ["hosts-only"]
        match action:
            case "mute":
                return self._mute(announcer, participant_id)
            case "hand":
                participant = announcer.room.participants[participant_id]
                raised = participant.hand_raised_at is not None
                announcer.room.raise_hand(participant_id, None if raised else self._wallclock())
                return []
            case "count":
                return [self._count(announcer, participant_id)]
            case "help":
                return self._help(announcer, participant_id)
            case _:
                return self._moderate(action, announcer, participant_id)

    def _may(self, action: MenuAction, announcer: Announcer, participant_id: str) -> bool:
        """Whether somebody may do what not everybody may."""
        if action == "record":
            return self._may_record(announcer.room.name, participant_id)
        return self.is_host(announcer, participant_id)

    def is_host(self, announcer: Announcer, participant_id: str) -> bool:
        """Whether somebody may do what hosts do."""
        participant = announcer.room.participants.get(participant_id)
        if participant is None:
            return False
        return participant.role == "host" or self._may_moderate(announcer.room.name, participant_id)

    def explain(self, action: MenuAction) -> list[str]:
        """The prompts that say how to ask for something; none if there is no way."""
        keys = self._menu.keys_for(action)
        return [] if keys is None else [f"help-{action}", *(_KEY_NAMES.get(key, f"key-{key}") for key in keys)]

    def _mute(self, announcer: Announcer, participant_id: str) -> list[str]:
        participant = announcer.room.participants[participant_id]
        if participant.muted_by is not None and not self.is_host(announcer, participant_id):
            return ["muted-by-host"]
        announcer.room.set_muted(participant_id, not participant.muted)
        return []

    def _count(self, announcer: Announcer, participant_id: str) -> str:
        if announcer.room.participants[participant_id].waiting and not self.is_host(announcer, participant_id):
            return announcer.waiting_prompt  # who waits learns nothing of the room
        return announcer.count_prompt(participant_id)

    def _help(self, announcer: Announcer, participant_id: str) -> list[str]:
        known = [
            action
            for action in self._menu.actions.values()
            if action not in HOSTS_ONLY or self._may(action, announcer, participant_id)
        ]
        return [prompt for action in dict.fromkeys(known) for prompt in self.explain(action)]

    def _moderate(self, action: MenuAction, announcer: Announcer, participant_id: str) -> list[str]:
        room = announcer.room
        by = room.participants[participant_id].name
        match action:
            case "admit":
                room.admit_all(by=by)
                return ["all-admitted"]
            case "mute-all":
                room.mute_all({participant_id}, by=by)
                return ["all-muted"]
            case "lock":
                room.set_policy(replace(room.policy, locked=not room.policy.locked), by=by)
            case "record" if self._record is not None:
                self._record(room, by)
            case "end":
                self._conference.end(room.name, "A host has ended the conference.", by=by)
        return []
