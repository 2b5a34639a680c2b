"""Replies of live conversations that may be learnt: what agents wrote, with or without the copilot, and what of the assistant's own
replies somebody of the team judged right. Pure; must not know the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from chatbot.learning.grading import Graded, grade
from chatbot.privacy import Masker
from chatbot.transcripts.distil import distil
from chatbot.types import Action, Role, Transcript

Place = tuple[str, int]
JUDGED_WRONG, THUMB_DOWN = "judged_wrong", "thumb_down"
CONFIRMED = 2.0  # weight of what a person of the team wrote, changed or confirmed for learning's sake


@dataclass(frozen=True, slots=True)
class Opinions:
    """Of the messages of live conversations, by (conversation id, seq).

    right, wrong: replies of the assistant that were judged so; disliked: with a thumb down. edited: what an agent inserted from the
    copilot and what she sent.
    """

    right: frozenset[Place] = frozenset()
    wrong: frozenset[Place] = frozenset()
    disliked: frozenset[Place] = frozenset()
    edited: Mapping[Place, tuple[str, str]] = field(default_factory=dict)


def opinions(
    judged: Mapping[Place, tuple[str | None, int | None, str]], edited: Mapping[Place, tuple[str, str]]
) -> Opinions:
    """From (verdict, thumb, action) of the assistant's replies. A verdict of the team goes before the customer's thumb."""
    return Opinions(
        right=frozenset(
            place for place, (verdict, _, action) in judged.items() if verdict == "right" and action == Action.ANSWER
        ),
        wrong=frozenset(place for place, (verdict, _, _) in judged.items() if verdict == "wrong"),
        disliked=frozenset(place for place, (verdict, thumb, _) in judged.items() if thumb == -1 and verdict is None),
        edited=edited,
    )


def live_replies(
    transcript: Transcript, said: Opinions, masker: Masker, detect: Callable[[str], str | None]
) -> Iterator[Graded | str]:
    """As `grading.grade`, for a live conversation: message `seq` stands at position seq - 1."""
    spoken, right = [], set()
    for position, turn in enumerate(transcript.turns):
        place = transcript.id, position + 1
        if turn.role is Role.BOT and place in said.right:
            right.add(position)
            spoken.append(replace(turn, role=Role.AGENT))
        else:
            spoken.append(turn)
            if turn.role is Role.BOT and place in said.wrong:
                yield JUDGED_WRONG
            elif turn.role is Role.BOT and place in said.disliked:
                yield THUMB_DOWN
    told = replace(transcript, turns=tuple(spoken))
    known = {passage.turn_id: passage for passage in distil(told, masker, detect)}
    for one in grade(told, known):
        yield one if isinstance(one, str) else _with_opinion(one, right, said)


def _with_opinion(graded: Graded, right: set[int], said: Opinions) -> Graded:
    position = graded.passage.turn_id
    if position in right:
        return replace(graded, origin="review", weight=CONFIRMED)
    edit = said.edited.get((graded.conversation[1], position + 1))
    if edit is None:
        return replace(graded, origin="live")
    inserted, sent = edit
    changed = " ".join(inserted.split()) != " ".join(sent.split())
    return replace(
        graded, origin="copilot", weight=CONFIRMED if changed else 1.0, rejected=inserted if changed else None
    )
