"""What a data set is made of, as read from the store, and which replies in it may be learnt. Must not know search or files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chatbot.learning.grading import RETIRED, Graded, Key, grade, key_of
from chatbot.learning.live_replies import CONFIRMED, Opinions, live_replies
from chatbot.matching import FAQ
from chatbot.privacy import Masker
from chatbot.transcripts.collapse import near_duplicates
from chatbot.types import CORRECTION, Passage, Transcript

LIVE = "live"  # the source of live conversations, as in an export
DUPLICATE, TOO_COMMON = "duplicate", "too_common"


@dataclass(frozen=True, slots=True)
class Material:
    """transcripts: imported conversations, read once, the team's own answers among them. passages: what is in use of them; retired:
    what a person took back. live: live conversations, read once, with what was thought of their replies. written: of the team's own
    answers, by passage, the live conversation that each came from and what the assistant had said there.
    """

    transcripts: Iterable[Transcript]
    passages: Sequence[Passage]
    retired: Sequence[Passage] = ()
    live: Iterable[Transcript] = ()
    said: Opinions = field(default_factory=Opinions)
    written: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(slots=True)
class Harvest:
    """Replies to learn from, and how many are left out for which reason. conversations: how many were looked at."""

    replies: list[Graded] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    conversations: int = 0
    seen: int = 0


def harvest(
    material: Material, masker: Masker, detect: Callable[[str], str | None], progress: Callable[[int], None]
) -> Harvest:
    """Grades every reply. detect: names the language of a text. progress: conversations done."""
    known: dict[Key, dict[int, Passage]] = defaultdict(dict)
    gone: dict[Key, set[int]] = defaultdict(set)
    for passage in material.passages:
        known[key_of(passage)][passage.turn_id] = passage
    for passage in material.retired:
        gone[key_of(passage)].add(passage.turn_id)
    found = Harvest()
    for transcript in material.transcripts:
        key = transcript.source, transcript.id
        graded = grade(transcript, known.get(key, {}), frozenset(gone.get(key, ())))
        _add(found, (_as_written(one, material.written) for one in graded))
        progress(found.conversations)
    for transcript in material.live:
        _add(found, live_replies(transcript, material.said, masker, detect))
        progress(found.conversations)
    _without_retired(found, material.retired)
    return found


def thin_out(found: Harvest, most: int) -> None:
    """One of each set of near-duplicates, the oldest; and of the same words at most `most`, those that came first."""
    groups = near_duplicates(
        replace(graded.passage, id=str(number), answer=graded.target) for number, graded in enumerate(found.replies)
    )
    kept = sorted(int(group[0].id) for group in groups)
    found.dropped[DUPLICATE] += len(found.replies) - len(kept)
    counts: Counter[tuple[str, str]] = Counter()
    rest = []
    for number in sorted(kept, key=lambda number: _age(found.replies[number])):
        graded = found.replies[number]
        words = graded.language, " ".join(graded.target.casefold().split())
        counts[words] += 1
        if counts[words] <= most:
            rest.append(graded)
    found.dropped[TOO_COMMON] += len(kept) - len(rest)
    found.replies[:] = rest


def public_contacts(passages: Iterable[Passage], masker: Masker) -> tuple[str, ...]:
    """Addresses and numbers that stand in the help centre: the company's own, which everybody may read."""
    found = {
        span.value
        for passage in passages
        if passage.source == FAQ
        for span in masker.find(passage.answer)
        if span.type in {"EMAIL", "PHONE"}
    }
    return tuple(sorted(found))


def _add(found: Harvest, graded: Iterable[Graded | str]) -> None:
    found.conversations += 1
    for one in graded:
        found.seen += 1
        if isinstance(one, str):
            found.dropped[one] += 1
        else:
            found.replies.append(one)


def _as_written(one: Graded | str, written: Mapping[str, tuple[str | None, str | None]]) -> Graded | str:
    """An answer that the team wrote also names the live conversation whose words its question is from."""
    if isinstance(one, str) or one.passage.source != CORRECTION:
        return one
    conversation, rejected = written.get(one.passage.id, (None, None))
    others = ((LIVE, conversation),) if conversation else ()
    return replace(one, origin="correction", weight=CONFIRMED, others=others, rejected=rejected)


def _without_retired(found: Harvest, retired: Sequence[Passage]) -> None:
    """What a person took back goes with all its near-duplicates, as in the index."""
    if not retired:
        return
    marked = [replace(passage, id=f"retired {number}") for number, passage in enumerate(retired)]
    others = [replace(graded.passage, id=str(number)) for number, graded in enumerate(found.replies)]
    gone: set[int] = set()
    for group in near_duplicates([*marked, *others]):
        if any(one.id.startswith("retired") for one in group):
            gone.update(int(one.id) for one in group if not one.id.startswith("retired"))
    found.dropped[RETIRED] += len(gone)
    found.replies[:] = [graded for number, graded in enumerate(found.replies) if number not in gone]


def _age(graded: Graded) -> tuple[float, Key, int]:
    at = graded.at
    return (at.timestamp() if at else float("-inf")), graded.conversation, graded.passage.turn_id
