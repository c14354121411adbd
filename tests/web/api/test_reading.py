"""What is wrong with a body is said in a sentence that tells what would be right."""

from __future__ import annotations

import pytest

from conference.web.api.reading import parse
from conference.web.http.problems import Problem
from conference.web.schemas.requests import (
    Body,
    Coaching,
    GainSetting,
    MergePatch,
    Must,
    MuteAll,
    NewMessage,
    NewSidebar,
    NewSound,
    ParticipantPatch,
    PinEntered,
    RoomPatch,
    Whisper,
)

FIELDS = (
    "'name', 'muted', 'levelling', 'noise_suppression', 'original_sound', "
    "'hand_raised', 'deafened', 'held', 'waiting' and 'role'"
)
TOO_MANY = "[" + ",".join(['"a"'] * 1001) + "]"


@pytest.mark.parametrize(
    ("model", "body", "sentence"),
    [
        (ParticipantPatch, "{", "The body is not JSON."),
        (ParticipantPatch, "", "The body is not JSON."),
        (ParticipantPatch, '{"name": "\\ud800"}', "The body is not JSON."),
        (ParticipantPatch, "[" * 5000, "The body is not JSON."),
        (ParticipantPatch, "[]", 'The body must be a JSON object, e.g. {"muted": true}.'),
        (ParticipantPatch, "null", 'The body must be a JSON object, e.g. {"muted": true}.'),
        (ParticipantPatch, '{"muted": 1}', "'muted' must be true or false."),
        (ParticipantPatch, '{"muted": null}', "'muted' must be true or false."),
        (ParticipantPatch, '{"muted": "true"}', "'muted' must be true or false."),
        (ParticipantPatch, '{"role": "king"}', "'role' must be one of 'host', 'speaker' and 'listener'."),
        (ParticipantPatch, '{"waiting": true}', "'waiting' must be false, which lets them in."),
        (ParticipantPatch, '{"name": 7}', "'name' must be text."),
        (ParticipantPatch, '{"name": null}', "'name' must be text."),
        (ParticipantPatch, '{"name": "12345678901"}', "This name is too long: use at most 10 characters."),
        (
            ParticipantPatch,
            '{"name": "a\\u202eb"}',
            "This name has control characters in it: use letters, digits and signs.",
        ),
        (
            ParticipantPatch,
            '{"volume": 3}',
            f"'volume' cannot be changed: only {FIELDS} can.",
        ),
        (RoomPatch, '{"lobby": "full"}', "'lobby' must be one of 'off', 'host' and 'admit'."),
        (RoomPatch, '{"announce": true}', "'announce' must be one of 'off', 'tones' and 'names'."),
        (RoomPatch, '{"pin": "123"}', "'pin' must be 4 to 12 digits, or null."),
        (RoomPatch, '{"pin": "1234\\n"}', "'pin' must be 4 to 12 digits, or null."),
        (RoomPatch, '{"pin": "\\u0661\\u0662\\u0663\\u0664"}', "'pin' must be 4 to 12 digits, or null."),
        (RoomPatch, '{"hold_music": ""}', "'hold_music' must be the name of a sound, or null."),
        (
            RoomPatch,
            '{"max_participants": 1e99}',
            "'max_participants' must be a whole number from 1 to 100000, or null.",
        ),
        (GainSetting, "{}", """'gain' is missing: send e.g. {"gain": 0.5}."""),
        (GainSetting, '{"gain": NaN}', "'gain' must be a number from 0 to 2."),
        (GainSetting, '{"gain": 1e999}', "'gain' must be a number from 0 to 2."),
        (GainSetting, '{"gain": true}', "'gain' must be a number from 0 to 2."),
        (Whisper, '{"to": []}', "'to' must be a list of participants' ids, 1 to 1000."),
        (Whisper, '{"to": "a"}', "'to' must be a list of participants' ids, 1 to 1000."),
        (Coaching, '{"agent": 7}', "'agent' must be a participant's id."),
        (NewSidebar, '{"participants": ["a"]}', "'participants' must be a list of participants' ids, 2 to 1000."),
        (MuteAll, '{"except": [7]}', "'except' must be a list of participants' ids, at most 1000."),
        (MuteAll, f'{{"except": {TOO_MANY}}}', "'except' must be a list of participants' ids, at most 1000."),
        (MuteAll, '{"others": []}', "'others' cannot be given: only 'except' can."),
        (NewMessage, '{"text": " \\n "}', "This message is empty: write something."),
        (NewMessage, '{"text": ""}', "'text' must be text of 1 to 2000 characters."),
        (NewSound, '{"sound": "a", "talk_gain": 2}', "'talk_gain' must be a number from 0 to 1."),
        (PinEntered, '{"pin": 4711}', "'pin' must be text: the room's PIN."),
    ],
)
def test_what_is_wrong_is_said(model: type[Body], body: str, sentence: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(model, body, max_name_length=10)
    assert (refused.value.status, refused.value.title) == (400, sentence)


def test_a_field_that_is_quoted_back_is_cut() -> None:
    with pytest.raises(Problem) as refused:
        parse(GainSetting, f'{{"gain": 1, "{"x" * 5000}": 2}}')
    assert len(refused.value.title) < 100


def test_a_patch_tells_what_was_sent_from_what_was_not() -> None:
    assert parse(RoomPatch, '{"pin": null, "locked": false}').changes == {"locked": False, "pin": None}
    assert parse(RoomPatch, "{}").changes == {}


def test_json_has_one_kind_of_number() -> None:
    assert parse(RoomPatch, '{"max_participants": 12.0}').changes == {"max_participants": 12}
    assert parse(GainSetting, '{"gain": 2}').gain == 2.0


MODELS = (*MergePatch.__subclasses__(), *(one for one in Body.__subclasses__() if one is not MergePatch))


@pytest.mark.parametrize("model", MODELS)
def test_every_field_says_what_it_must_be_and_every_example_is_right(model: type[Body]) -> None:
    for name, field in model.model_fields.items():
        assert [one for one in field.metadata if isinstance(one, Must)], name
    assert parse(model, model.example).model_fields_set
