"""Decides which language a customer writes, from the text and the conversation so far; must not know the settings.

Scripts decide where they can. Elsewhere four witnesses are added up as log scores, each with the weight that it earned
on short sentences: py3langid (Lui and Baldwin 2012), langdetect's profiles, everyday words, and single letters. The
conversation's language joins as a Bayesian prior: it carries "ok" and an order number, and yields to a clear sentence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.language_data import RARITY, SCRIPTS, UNCOMMON_NATS
from chatbot.language_evidence import han_word_scores, langid_scores, plain_code, profile_scores, word_scores, words
from chatbot.scripts_of_writing import clean, dominant_script, letter_scores, only

LANGID_WEIGHT = 0.7
PROFILE_WEIGHT = 0.1
LENGTH_EXPONENT = 0.1  # n-grams overlap: what a text says grows slower than its length
PRIOR_NATS = 4.0  # a customer goes on in the same language about nine times in ten
LONE_WORD_NATS = 1.5  # a single word may be a name, a loan or a courtesy
UNHEARD_NATS = 3.0  # for a witness that does not know a language
FOREIGN_WORD_NATS, FOREIGN_GRAMMAR_NATS = 0.5, 1.5  # Latin words in a conversation that is not in Latin script
SURE = 0.995


@dataclass(frozen=True, slots=True)
class Guess:
    """`language` is ISO 639-1, None where nothing tells; `confidence` its posterior probability, [0, 1]."""

    language: str | None
    confidence: float


def detect(text: str, prior: str | None = None, allowed: Sequence[str] | None = None) -> Guess:
    """The language of `text` in a conversation that was in `prior` so far, among `allowed` (any known one where None).

    Never raises on any text. Text without a word (empty, digits, emoji, "ok", an order number) keeps the prior, or is
    Guess(None, 0.0) without one; so is text in a script that no allowed language writes. Safe from any thread; the
    first call loads the profiles (about a second).
    """
    before = plain_code(prior) if prior else None
    choice = frozenset(map(plain_code, allowed)) if allowed is not None else None
    if before is not None and choice is not None and before not in choice:
        before = None
    kept = Guess(before, 0.5) if before else Guess(None, 0.0)
    cleaned = clean(text)
    script = dominant_script(cleaned)
    if script is None:
        return kept
    letters = only(cleaned, script)
    if script == "LATIN" and not words(letters):
        return kept
    candidates = [code for code in SCRIPTS[script] if choice is None or code in choice]
    if len(SCRIPTS[script]) == 1:
        return Guess(candidates[0], SURE) if candidates else Guess(None, 0.0)
    if not candidates:
        return Guess(None, 0.0)
    scores, hits = text_scores(letters, script, candidates)
    if choice is None:
        scores = {code: score - RARITY.get(code, UNCOMMON_NATS) for code, score in scores.items()}
    return _with_prior(scores, hits, before, script, len(words(letters)))


def text_scores(text: str, script: str, candidates: Sequence[str]) -> tuple[dict[str, float], dict[str, int]]:
    """The witnesses' joint log score (nats, up to a constant) of each candidate, and its number of everyday words."""
    shrink = max(1, len(text)) ** -LENGTH_EXPONENT
    spoken = text.lower() if text.isupper() else text
    langid = _complete(langid_scores(spoken), candidates, LANGID_WEIGHT * shrink)
    profile = _complete(profile_scores(spoken.lower()), candidates, PROFILE_WEIGHT * shrink)
    everyday, hits = (han_word_scores(text), {}) if script == "HAN" else word_scores(words(text), frozenset(candidates))
    letter = letter_scores(text, script)
    joint = {
        code: langid[code] + profile[code] + everyday.get(code, 0.0) + letter.get(code, 0.0) for code in candidates
    }
    return joint, hits


def _complete(scores: dict[str, float], candidates: Sequence[str], weight: float) -> dict[str, float]:
    """Weighted scores relative to the best candidate; one that the witness does not know lies UNHEARD_NATS below it."""
    best = max((scores[code] for code in candidates if code in scores), default=0.0)
    return {code: weight * (scores[code] - best) if code in scores else -UNHEARD_NATS for code in candidates}


def _with_prior(scores: dict[str, float], hits: dict[str, int], prior: str | None, script: str, length: int) -> Guess:
    posterior = dict(scores)
    stays = PRIOR_NATS + (LONE_WORD_NATS if script == "LATIN" and length <= 1 else 0.0)
    if prior in posterior:
        posterior[prior] += stays
    elif prior is not None and script == "LATIN":
        # Brands and courtesies in Latin letters turn up in every conversation; grammar makes them a change of language.
        grammar = hits.get(max(scores, key=lambda code: scores[code]), 0)
        foreign = FOREIGN_WORD_NATS * length + FOREIGN_GRAMMAR_NATS * grammar
        posterior[prior] = max(scores.values()) - foreign + stays
    best = max(posterior, key=lambda code: posterior[code])
    total = sum(math.exp(score - posterior[best]) for score in posterior.values())
    return Guess(best, min(SURE, 1.0 / total))
