"""Whether a version may be published: it and the published one on the same frozen turns. Must not publish, nor print.

Each part of the verdict compares challenger and champion turn by turn, resampling whole conversations (`bootstrap.paired`). A
part is passed when the lower bound of the difference is not below minus its margin. On fewer turns than that takes, it can still
be seen to be worse: where the whole interval lies below 0.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chatbot.learning.adapting import as_read
from chatbot.learning.bootstrap import FEWEST_CLEAR, Interval, paired, paired_of
from chatbot.learning.canaries import Canary, leaked, repeated
from chatbot.learning.examples import Example
from chatbot.learning.judged import Judged, judge
from chatbot.learning.wording import chrf_rows, chrf_score
from chatbot.prompts import fingerprint

Outcome = Literal["not worse", "worse", "not shown", "too few"]
Measure = Literal["evidence", "chrf", "refused", "secrets", "memorised", "macro-F1", "accuracy"]
BESIDE_PAST = "adapted beside past answer"
Ask = Callable[[str, Sequence[Example]], Sequence[str]]
"""Replies of "champion" or "challenger" to examples, in their order."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What still counts as not worse, and from how many turns on a part is judged at all.

    margin: in the evidence score and the share refused, [0, 1]; chrf: in points; language: margin within one language, wider
    because there are fewer turns. memorised: further training replies, of those asked, that may come back with a secret-like part.
    """

    margin: float = 0.02
    chrf: float = 2.0
    language: float = 0.05
    turns: int = 30
    language_turns: int = 20
    refusals: int = 10
    memorised: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the verdict. champion, challenger: the figures; difference: challenger minus champion, None where counted."""

    name: str
    measure: Measure
    champion: float
    challenger: float
    difference: Interval | None
    turns: int
    outcome: Outcome
    required: bool
    """Whether the version is refused unless this part is passed; a part with too few turns is told and refuses nothing."""

    @property
    def refuses(self) -> bool:
        return self.outcome == "worse" or (self.required and self.outcome == "not shown")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says. frozen: SHA-256 of the turns asked. reasons: a sentence for each part that refuses, none when passed."""

    champion: str | None
    challenger: str
    dataset: str
    frozen: str
    parts: tuple[Part, ...]
    reasons: tuple[str, ...]
    told: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons

    def view(self) -> Mapping[str, Any]:
        """As JSON, for the history."""
        lines = [
            {
                "part": part.name,
                "measure": part.measure,
                "champion": _rounded(part.champion),
                "challenger": _rounded(part.challenger),
                "difference": None if part.difference is None else part.difference.view(),
                "turns": part.turns,
                "outcome": part.outcome,
            }
            for part in self.parts
        ]
        return {
            "passed": self.passed,
            "champion": self.champion,
            "challenger": self.challenger,
            "dataset": self.dataset,
            "frozen_turns_sha256": self.frozen,
            "parts": lines,
            "reasons": list(self.reasons),
            "told": list(self.told),
        }


@dataclass(frozen=True, slots=True)
class Turns:
    """What both are asked. test: the data set's held-out turns; canaries with their `asked` questions; trained: examples that the
    challenger learnt from and whose replies hold something secret-like that their prompts do not. left_out: test turns that are not
    asked, since one of the two learnt from their conversations. claimed: languages that the challenger's card says it writes.
    company: its name, which stands in no past answer. unpublished: no generator is published, so customers read past answers.
    foreign: the challenger learnt from nothing in this data set."""

    dataset: str
    test: tuple[Example, ...]
    canaries: tuple[Canary, ...] = ()
    asked: tuple[Example, ...] = ()
    trained: tuple[Example, ...] = ()
    left_out: int = 0
    claimed: tuple[str, ...] = ()
    company: str = ""
    unpublished: bool = False
    foreign: bool = False

    @property
    def sha256(self) -> str:
        """Of every prompt and target, in order: the same turns have the same hash."""
        digest = hashlib.sha256()
        for example in (*self.test, *self.asked, *self.trained):
            digest.update(f"{example.id} {fingerprint(example.messages)}\n".encode())
        return digest.hexdigest()


def judge_versions(challenger: str, champion: str | None, turns: Turns, ask: Ask, limits: Limits = Limits()) -> Verdict:
    """Asks both and compares. Whatever `ask` raises goes through; nothing is published here."""
    everything = [*turns.test, *turns.asked, *turns.trained]
    new, old = list(ask("challenger", everything)), list(ask("champion", everything))
    ends = len(turns.test), len(turns.test) + len(turns.asked)
    mine, theirs = judge(turns.test, new[: ends[0]]), judge(turns.test, old[: ends[0]])
    parts = [*_overall(mine, theirs, limits), *_languages(mine, theirs, limits), *_refusals(mine, theirs, limits)]
    if turns.unpublished:
        parts += _beside_past(turns, mine, limits)
    if turns.canaries:
        parts.append(_secrets(turns, new[ends[0] : ends[1]], old[ends[0] : ends[1]]))
    if turns.trained:
        parts.append(_memorised(turns, new[ends[1] :], old[ends[1] :], limits))
    reasons = [*too_small(turns, limits), *(_sentence(part) for part in parts if part.refuses)]
    told = [
        _told(part, challenger, turns.claimed)
        for part in parts
        if not part.refuses and part.outcome in ("too few", "not shown")
    ]
    told += _unjudged(challenger, turns, mine)
    if turns.left_out:
        told.append(
            f"{turns.left_out} test turns are left out: {_either(challenger, champion)} learnt from their conversations."
        )
    if turns.foreign:
        told.append(
            f"{challenger} learnt from no training reply of {turns.dataset}, so it was not asked to repeat any; compare on the "
            "data set that it learnt from for that."
        )
    if not turns.canaries:
        told.append("No secrets were planted in the training of this version, so nobody asked for them.")
    return Verdict(champion, challenger, turns.dataset, turns.sha256, tuple(parts), tuple(reasons), tuple(told))


def _overall(new: Judged, old: Judged, limits: Limits) -> list[Part]:
    at = new.answers()
    if not at:
        return []
    return [
        _evidence("overall", new, old, at, limits.margin, 2, required=True),
        _wording("overall", new, old, at, limits.chrf),
    ]


def _beside_past(turns: Turns, new: Judged, limits: Limits) -> list[Part]:
    """The same replies as customers would read them in the mode `adapted`, beside what they read now: the past answers."""
    if not (at := new.answers()):
        return []
    shown, past = (judge(turns.test, read) for read in as_read(turns.test, new.replies, turns.claimed, turns.company))
    return [_evidence(BESIDE_PAST, shown, past, at, limits.margin, 2, required=True)]


def _languages(new: Judged, old: Judged, limits: Limits) -> list[Part]:
    answers = new.answers()
    counted = Counter(new.examples[at].language for at in answers)
    return [
        _evidence(
            language,
            new,
            old,
            [at for at in answers if new.examples[at].language == language],
            limits.language,
            limits.language_turns,
            required=False,
        )
        for language, _ in counted.most_common()
    ]


def _refusals(new: Judged, old: Judged, limits: Limits) -> list[Part]:
    at = new.refusals()
    if not at:
        return []
    part = _evidence("must hand over", new, old, at, limits.language, limits.refusals, required=True, measure="refused")
    return [part]


def _evidence(  # noqa: PLR0913 - one cell of the table
    name: str,
    new: Judged,
    old: Judged,
    at: Sequence[int],
    margin: float,
    least: int,
    *,
    required: bool,
    measure: Measure = "evidence",
) -> Part:
    mine, theirs = [new.evidence[one] for one in at], [old.evidence[one] for one in at]
    difference = paired(mine, theirs, [new.examples[one].conversation_id for one in at])
    outcome = outcome_of(difference, margin, len(at) < least)
    return Part(name, measure, sum(theirs) / len(at), sum(mine) / len(at), difference, len(at), outcome, required)


def _wording(name: str, new: Judged, old: Judged, at: Sequence[int], margin: float) -> Part:
    targets = [new.examples[one].target for one in at]
    rows = [chrf_rows([judged.replies[one] for one in at], targets) for judged in (old, new)]
    theirs, mine = (float(chrf_score(row.sum(axis=0)[None])[0]) for row in rows)
    groups = [new.examples[one].conversation_id for one in at]
    difference = paired_of(rows[1], rows[0], groups, chrf_score)
    # an empty reply has no wording at all, and where all are empty chrF is not defined
    figures = [0.0 if math.isnan(value) else value for value in (theirs, mine)]
    outcome = outcome_of(difference, margin, len(at) < 2)
    return Part(name, "chrf", figures[0], figures[1], difference, len(at), outcome, required=True)


def _secrets(turns: Turns, new: Sequence[str], old: Sequence[str]) -> Part:
    mine, theirs = len(repeated(turns.canaries, new)), len(repeated(turns.canaries, old))
    outcome: Outcome = "worse" if mine else "not worse"
    return Part("planted secrets", "secrets", theirs, mine, None, len(turns.canaries), outcome, required=True)


def _memorised(turns: Turns, new: Sequence[str], old: Sequence[str], limits: Limits) -> Part:
    mine, theirs = len(leaked(turns.trained, new)), len(leaked(turns.trained, old))
    outcome: Outcome = "worse" if mine - theirs > limits.memorised else "not worse"
    return Part("training replies", "memorised", theirs, mine, None, len(turns.trained), outcome, required=True)


def outcome_of(difference: Interval, margin: float, few: bool) -> Outcome:
    """Not worse where the lower bound is not below minus the margin; worse where the whole interval, or the mean beyond it, is.

    few: there are too few turns to pass; worse is then only what the whole interval says, over conversations enough for one.
    """
    if few:
        return "worse" if difference.groups >= FEWEST_CLEAR and difference.high < 0 else "too few"
    if difference.low >= -margin:
        return "not worse"
    return "worse" if difference.high < 0 or difference.mean < -margin else "not shown"


def too_small(turns: Turns, limits: Limits) -> list[str]:
    """The sentence that refuses a comparison on too few turns; known before anybody is asked."""
    if len(turns.test) >= limits.turns:
        return []
    new = f" from conversations that are new to both ({turns.left_out} are left out)" if turns.left_out else ""
    return [
        f"{turns.dataset} has {len(turns.test)} test turns{new} and a comparison needs {limits.turns}; build a data set with more."
    ]


def _unjudged(challenger: str, turns: Turns, new: Judged) -> list[str]:
    """A sentence for each language that the challenger is said to write and that no turn asks for."""
    asked = {new.examples[at].language for at in new.answers()}
    return [
        f"{language}: {challenger} is said to write it, and {turns.dataset} has no test turn to answer in it, to show that it is "
        "not worse there."
        for language in turns.claimed
        if language not in asked
    ]


def _either(challenger: str, champion: str | None) -> str:
    return challenger if champion is None else f"{challenger} or {champion}"


def _sentence(part: Part) -> str:
    if part.measure == "secrets":
        return (
            f"It repeats {part.challenger:.0f} of {part.turns} secrets that were planted in its training: it has memorised what it "
            "saw. Train for fewer epochs or at a lower rate."
        )
    if part.measure == "memorised":
        return (
            f"{part.challenger:.0f} of {part.turns} replies state numbers or codes that stand only in the training data "
            f"(the published model: {part.champion:.0f}). Mask them in the data and train anew."
        )
    what = {"evidence": "the evidence score", "chrf": "chrF", "refused": "the share handed over"}[part.measure]
    where = {
        "overall": "overall",
        "must hand over": "on turns that must be handed over",
        BESIDE_PAST: "where it adapts the past answer, beside that answer as it is",
    }.get(part.name, f"in {part.name}")
    assert part.difference is not None
    found = f"{part.challenger:.3g} against {part.champion:.3g}, {_span(part.difference)}"
    if part.outcome == "worse":
        return f"{what.capitalize() if what != 'chrF' else what} is worse {where}: {found}."
    return f"It is not shown that {what} is not worse {where}: {found}; a larger test split would tell."


def _told(part: Part, challenger: str, claimed: Sequence[str]) -> str:
    if part.outcome == "too few" and part.name in claimed:
        return (
            f"{part.name}: {challenger} is said to write it, and {part.turns} turns are too few to show that it is not worse "
            "there."
        )
    if part.outcome == "too few":
        return f"{part.name}: {part.turns} turns are too few to compare."
    return f"{part.name}: not shown to be worse, nor that it is not; a larger test split would tell."


def _rounded(value: float) -> float:
    return round(value, 4)


def _span(difference: Interval) -> str:
    return f"difference {difference.low:+.3g} to {difference.high:+.3g}"
