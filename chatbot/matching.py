"""How well each passage found answers the question, and how sure the best one is: small fitted models, no search, no wording.

Two logistic models, fitted by `scripts/fit_matching.py` and kept in `matching.json`: one ranks candidates by their signals,
the other turns the best candidate's score and support into a confidence. Both come twice: for languages that the encoder
was trained on ("trusted") and for the others, where words weigh more than vectors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from chatbot.giving import gives
from chatbot.retrieval.concepts import concepts
from chatbot.retrieval.signals import held_of
from chatbot.retrieval.words import language_of
from chatbot.reuse import general_part
from chatbot.types import CORRECTION, Hit, Passage, Query, SearchResult, Support

SIGNALS = (
    "cos_window", "cos_question", "cos_reply", "coverage", "coverage_question", "coverage_answer", "trigrams_question",
    "trigrams_answer", "topic", "label", "concepts", "alike", "kin_words", "kin_trigrams", "kin_concepts", "kin_alike",
    "asked_concepts", "fact", "fused", "general_share", "length", "question_length", "early",
)  # fmt: skip
CONFIDENCE_SIGNALS = {
    True: (
        "score", "support", "elsewhere", "most_support", "most_elsewhere", "agreement", "margin", "coverage", "cos_question",
        "cos_reply", "length", "kin_words", "kin_trigrams", "kin_alike",
    ),
    False: (
        "score", "support", "elsewhere", "most_support", "most_elsewhere", "agreement", "coverage", "cos_question", "length",
        "kin_words", "kin_trigrams", "kin_alike",
    ),
}  # fmt: skip
WEIGHED = 3
_KIN = ("kin_words", "kin_trigrams", "kin_alike")
_SAME_QUESTION = 0.95  # cosine
_TAUGHT = 4.6  # log-odds of 0.99: a person has said so
_UNTOLD = 0.0  # log-odds of 0.5: the fact that is asked for is not in the answer, so it is none, however close
_KEPT = 20_000  # answers: every search asks for what is reusable of all its hits
_EARLY_TURN, _RIVALS, _SIXTH = 2, 12, 5
FAQ = "faq"


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate answer. `text` is the reusable part of the passage's answer, word for word; `score` is in log-odds;
    `fact` is 1 where it gives the kind of fact that was asked for, or none was. as_said: the same judged by the words that are
    said, where it was found by others."""

    hit: Hit
    text: str
    score: float
    fact: float = 1.0
    as_said: Match | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic model: weight by signal, and the bias."""

    weights: Mapping[str, float]
    bias: float

    def log_odds(self, signals: Mapping[str, float]) -> float:
        return self.bias + sum([weight * signals.get(name, 0.0) for name, weight in self.weights.items()])


def rank(result: SearchResult, trusted: bool, asked: str = "", leaning: str = "") -> list[Match]:
    """The reusable candidates, best first; one that answered this very question before comes before all others.

    trusted: whether the encoder knows the query's language. asked: the customer's last words, without what they lean on;
    leaning: with it.
    """
    model = models()["rank", trusted]
    found = []
    for hit in result.hits:
        if text := reusable(hit.passage):
            told = (
                replace(hit, signals={**hit.signals, **hit.said}, coverage=hit.said["coverage"]) if hit.said else None
            )
            judged = [_judged(one, text, model, asked, leaning) for one in (hit, told) if one]
            found.append(replace(judged[0], as_said=judged[1]) if told else judged[0])
    return sorted(found, key=lambda match: (not taught(match.hit), not asked_before(match.hit), -match.score))


def _judged(hit: Hit, text: str, model: Model, asked: str, leaning: str) -> Match:
    signals = signals_of(hit, text, asked, leaning)
    return Match(hit, text, model.log_odds(signals), signals["fact"])


def taught(hit: Hit) -> bool:
    """Whether one of the team has written the answer to this very question: then it holds, whatever else was said."""
    return hit.passage.source == CORRECTION and asked_before(hit)


def asked_before(hit: Hit) -> bool:
    """Whether the passage's question is the query itself, up to a detail of spelling: then its answer comes first."""
    return hit.signals.get("cos_question", 0.0) >= _SAME_QUESTION and hit.signals.get("trigrams_question", 0.0) >= 0.9


def confidence(matches: Sequence[Match], supports: Sequence[Support] | None, query: Query, trusted: bool) -> float:
    """How likely the best candidate answers the question, in [0, 1].

    matches: best first, at least one. supports: `Retriever.support` of the first few passages (`WEIGHED` of them); without an
    encoder (None) the model for untrusted languages decides on what is left. An answer without the fact that is asked for is
    none: at most 0.5. One that took another's place is no surer than its own words make it.
    """
    model = models()["confidence", trusted and supports is not None]
    best = [one for one in (matches[0], matches[0].as_said) if one]
    log_odds = min([model.log_odds(confidence_signals([one, *matches[1:]], supports or (), query)) for one in best])
    if not matches[0].fact:
        log_odds = min(log_odds, _UNTOLD)
    if taught(matches[0].hit):
        log_odds = max(log_odds, _TAUGHT)
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, log_odds))))


def confidence_signals(matches: Sequence[Match], supports: Sequence[Support], query: Query) -> dict[str, float]:
    """What the confidence is computed from: the best candidate's own signals, and how it stands among the others.

    agreement: share of the likeliest candidates' mass that is filed under the best one's topic. margin: log-odds between the
    best and the sixth.
    """
    best = matches[0]
    rivals = matches[:_RIVALS]
    masses = [math.exp(match.score - best.score) for match in rivals]
    topic = best.hit.passage.topic
    agreed = sum(mass for match, mass in zip(rivals, masses, strict=True) if match.hit.passage.topic == topic)
    return {
        "score": best.score,
        "support": supports[0].mean if supports else 0.0,
        "elsewhere": supports[0].elsewhere if supports else 0.0,
        "most_support": max((support.mean for support in supports), default=0.0),
        "most_elsewhere": max((support.elsewhere for support in supports), default=0.0),
        "agreement": agreed / sum(masses),
        "margin": best.score - matches[min(_SIXTH, len(matches) - 1)].score,
        "coverage": best.hit.coverage,
        "cos_question": best.hit.signals.get("cos_question", 0.0),
        "cos_reply": best.hit.signals.get("cos_reply", 0.0),
        "length": len(query.text) / 100,
        **{name: best.hit.signals.get(name, 0.0) for name in _KIN},
    }


def reusable(passage: Passage) -> str:
    """What of the passage's answer holds for anybody; one that was written for all, in a FAQ or by the team, holds as it is."""
    return passage.answer if passage.source in (FAQ, CORRECTION) else _general_part(passage.answer, passage.language)


def signals_of(hit: Hit, text: str, asked: str = "", leaning: str = "") -> dict[str, float]:
    """The signals of a candidate, each roughly in [0, 1], in the order of SIGNALS."""
    passage = hit.passage
    language = language_of(passage.language)
    spoken, told_of = concepts(asked, language), held_of(passage, language).speaks
    own = {
        "fused": hit.score,
        "general_share": len(text) / max(1, len(passage.answer)),
        "length": math.log(max(len(text), 1)) / 5,
        "question_length": math.log(max(len(passage.question), 1)) / 5,
        "early": float(passage.turn_id <= _EARLY_TURN),
        "asked_concepts": len(spoken & told_of) / len(spoken) if spoken else 0.0,
        "fact": float(gives(asked, leaning, passage.language, passage.question, text)),
    }
    every = {**hit.signals, **own}
    return {name: every.get(name, 0.0) for name in SIGNALS}


@lru_cache(maxsize=_KEPT)
def _general_part(answer: str, language: str) -> str:
    return general_part(answer, language)


@cache
def _fit() -> dict[str, Any]:
    return dict(json.loads((resources.files("chatbot") / "matching.json").read_text(encoding="utf-8")))


def fitted_with() -> str:
    """Name of the encoder whose cosines both models were fitted on; with another's, confidences are higher or lower."""
    return str(_fit()["fitted_on"]["encoder"])


@cache
def models() -> Mapping[tuple[str, bool], Model]:
    """The fitted models by (kind, trusted)."""
    raw = _fit()
    return {
        (kind, trusted): Model(raw[kind][name]["weights"], raw[kind][name]["bias"])
        for kind in ("rank", "confidence")
        for trusted, name in ((True, "trusted"), (False, "others"))
    }
