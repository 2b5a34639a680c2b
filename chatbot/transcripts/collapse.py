"""Near-duplicate passages become one with a count. Knows only passages.

Word for word equal ones first; then MinHash (Broder 1997) with banding finds candidates, and an exact comparison
decides. A changed number, a changed "not" or another answer to the same question is never a duplicate: that is how a
new policy supersedes an old one.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from chatbot.types import CORRECTION, Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BANDS, _ROWS = 12, 3
_ANSWER_ALIKE, _QUESTION_ALIKE = 0.85, 0.75
_COMPARED_PER_BUCKET = 8
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NEGATIONS = frozenset(
    [
        "no",
        "not",
        "never",
        "cannot",
        "cant",
        "dont",
        "doesnt",
        "wont",
        "isnt",
        "arent",
        "without",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "keiner",
        "nie",
        "ohne",
        "ne",
        "pas",
        "jamais",
        "sans",
        "aucun",
        "nunca",
        "sin",
        "tampoco",
        "不",
        "没",
        "无",
        "未",
        "别",
    ]
)
_EPOCH = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Group:
    """Passages that are word for word the same, and what later comparisons need of them."""

    members: list[Passage]
    facts: tuple[tuple[str, ...], ...]
    answer: frozenset[int]
    question: frozenset[int]


def collapse(
    passages: Iterable[Passage],
    agent_of: Callable[[Passage], str | None] | None = None,
    retired: Iterable[Passage] = (),
) -> list[Passage]:
    """One passage for each set of near-duplicates, in the newest wording, with `count`, `last_seen` and `agents` of
    all of them.

    agent_of: who wrote a passage's answer; without it `agents` is the largest number that any of them brings.
    retired: passages that a person took out; the whole set goes with one of them, or an older copy of a wrong answer would
    come back. What the team wrote stands for itself. The result depends on the passages only, not on their order: it is
    sorted by time and identity.
    """
    taken_out = {passage.id: passage for passage in retired if passage.source != CORRECTION}
    written: list[Passage] = []
    groups: dict[tuple[str, ...], list[Passage]] = defaultdict(list)
    for passage in sorted([*passages, *taken_out.values()], key=age, reverse=True):
        if passage.source == CORRECTION:
            written.append(passage)
        else:
            groups[_key(passage)].append(passage)
    merged = _merge([_group(key, members) for key, members in groups.items()])
    kept = [members for members in merged if not any(one.id in taken_out for one in members)]
    return sorted([*written, *(_represent(members, agent_of) for members in kept)], key=age)


def collapse_signed(signed: Iterable[tuple[Passage, str | None]], retired: Iterable[Passage] = ()) -> list[Passage]:
    """The same for passages that come with the name of the agent who gave the answer: as many agents as there are names."""
    agents: dict[str, str] = {}

    def noting() -> Iterator[Passage]:
        for passage, agent in signed:
            if agent and agent.strip():
                agents[passage.id] = agent.strip().casefold()
            yield passage

    return collapse(list(noting()), lambda passage: agents.get(passage.id), retired)


def near_duplicates(passages: Iterable[Passage]) -> list[list[Passage]]:
    """The passages in groups of near-duplicates, each group oldest first, the groups by their oldest; whoever wrote them."""
    groups: dict[tuple[str, ...], list[Passage]] = defaultdict(list)
    for passage in sorted(passages, key=age, reverse=True):
        groups[_key(passage)].append(passage)
    merged = _merge([_group(key, members) for key, members in groups.items()])
    return sorted((sorted(members, key=age) for members in merged), key=lambda members: age(members[0]))


def alike(one: Passage, other: Passage) -> bool:
    """Whether two passages are near-duplicates, so that one of them may stand for both."""
    first, second = _key(one), _key(other)
    return first == second or (first[0] == second[0] and _alike(_group(first, [one]), _group(second, [other])))


def age(passage: Passage) -> tuple[datetime, str, int, str]:
    """What passages are sorted by, oldest first."""
    seen = passage.resolved_at or passage.last_seen or _EPOCH
    return (seen if seen.tzinfo else seen.replace(tzinfo=UTC)), passage.conversation_id, passage.turn_id, passage.id


def _key(passage: Passage) -> tuple[str, ...]:
    """The same for passages that are word for word the same."""
    return passage.language, _normal(passage.question), _normal(passage.answer)


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.replace("'", "").replace("’", "").casefold()))


def _group(key: tuple[str, ...], members: list[Passage]) -> _Group:
    language, question, answer = key
    return _Group(members, (("", language), _facts(answer)), _shingles(answer), _shingles(question))


def _facts(text: str) -> tuple[str, ...]:
    """What two wordings of one answer must share exactly: numbers and negations."""
    tokens = _CJK.sub(lambda match: f" {match.group()} ", text).split()
    counted = Counter(token for token in tokens if token in _NEGATIONS or any(char.isdigit() for char in token))
    return tuple(sorted(counted.elements()))


def _shingles(text: str) -> frozenset[int]:
    """Hashes of words and word pairs; of characters and their pairs where no blanks part the words."""
    tokens = list(text.replace(" ", "")) if _CJK.search(text) else text.split()
    pairs = (f"{a} {b}" for a, b in pairwise(tokens))
    return frozenset(zlib.crc32(token.encode("utf-8", "replace")) for token in (*tokens, *pairs))


def _merge(groups: Sequence[_Group]) -> list[list[Passage]]:
    """Joins each group to the newest earlier one that is alike; groups come newest first."""
    leader = list(range(len(groups)))
    for bucket in _buckets(groups):
        heads: list[int] = []
        for position in bucket:
            if leader[position] != position:
                continue
            match = next((head for head in heads if _alike(groups[head], groups[position])), None)
            if match is not None:
                leader[position] = match
            elif len(heads) < _COMPARED_PER_BUCKET:
                heads.append(position)
    members: dict[int, list[Passage]] = defaultdict(list)
    for position, group in enumerate(groups):
        head = position
        while leader[head] != head:
            head = leader[head]
        members[head] += group.members
    return list(members.values())


def _alike(one: _Group, other: _Group) -> bool:
    return (
        one.facts == other.facts
        and _jaccard(one.answer, other.answer) >= _ANSWER_ALIKE
        and _jaccard(one.question, other.question) >= _QUESTION_ALIKE
    )


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 1.0


def _buckets(groups: Sequence[_Group]) -> Iterator[list[int]]:
    """Positions that share a band of their MinHash signature, in order; buckets of one are left out."""
    import numpy as np

    if len(groups) < 2:
        return
    signatures = _signatures(groups)
    facts = np.array([zlib.crc32(repr(group.facts).encode()) for group in groups], np.uint64)
    for band in range(_BANDS):
        key = facts.copy()
        for row in signatures[band * _ROWS : (band + 1) * _ROWS]:
            key = key * np.uint64(0x9E3779B97F4A7C15) + row.astype(np.uint64)
        order = np.argsort(key, kind="stable")
        edges = np.flatnonzero(np.diff(key[order])) + 1
        for bucket in np.split(order, edges):
            if len(bucket) > 1:
                yield bucket.tolist()


def _signatures(groups: Sequence[_Group]) -> npt.NDArray[np.uint32]:
    """(bands x rows, groups) MinHash values over the answer's and the question's shingles, with fixed multipliers."""
    import numpy as np

    sets = [[*group.answer, *(shingle ^ 0x5BD1E995 for shingle in group.question), 0] for group in groups]
    starts = np.cumsum([0, *(len(items) for items in sets[:-1])])
    shingles = np.fromiter((item for items in sets for item in items), np.uint64, sum(map(len, sets)))
    random = np.random.default_rng(20260101)
    multipliers = random.integers(1, 2**63, _BANDS * _ROWS, np.uint64) | np.uint64(1)
    additions = random.integers(1, 2**63, _BANDS * _ROWS, np.uint64)
    values = np.empty((_BANDS * _ROWS, len(groups)), np.uint32)
    for number, (factor, addition) in enumerate(zip(multipliers, additions, strict=True)):
        hashed = ((shingles * factor + addition) >> np.uint64(32)).astype(np.uint32)
        values[number] = np.minimum.reduceat(hashed, starts)
    return values


def _represent(members: list[Passage], agent_of: Callable[[Passage], str | None] | None) -> Passage:
    newest = max(members, key=age)
    seen = [moment for passage in members if (moment := passage.last_seen or passage.resolved_at)]
    known = {agent for passage in members if agent_of and (agent := agent_of(passage))}
    return replace(
        newest,
        count=sum(passage.count for passage in members),
        last_seen=max(seen, key=lambda moment: moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if seen
        else None,
        agents=max(len(known), *(passage.agents for passage in members)),
    )
