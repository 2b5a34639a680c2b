"""How like the human's reply a reply is in its words: chrF, BLEU, ROUGE-L, for every script. Must not know models or evidence.

chrF (Popović 2015) and BLEU (Papineni et al. 2002) are sacreBLEU's (Post 2018); ROUGE-L (Lin 2004) is rouge-score's with our own
tokens, because its own drop every letter outside a-z. A text with unbroken scripts (Han, kana, Thai, Lao, Khmer, Myanmar) counts
character by character; all others by words. Likeness to one human's wording ranks versions of a model; it measures no correctness.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.learning.bootstrap import ROUNDS, SEED, Array, Interval, interval, interval_of

# Han, kana, Bopomofo, Thai, Lao, Myanmar, Khmer: no spaces between words
_UNBROKEN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CHARACTER = re.compile(f"([{_UNBROKEN}])")
_TOKEN = re.compile(rf"[{_UNBROKEN}]|[^\W_{_UNBROKEN}]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """Each in [0, 100]. Per turn BLEU is smoothed ("exp") and of no use alone: read it over a corpus."""

    chrf: float
    bleu: float
    rouge_l: float


def turn_wording(reply: str, reference: str) -> Wording:
    """One reply against the human's."""
    chrf = float(_chrf().sentence_score(reply, [reference]).score)
    bleu = float(_bleu(effective_order=True).sentence_score(broken(reply), [broken(reference)]).score)
    return Wording(chrf, bleu, rouge_l(reply, reference))


def corpus_wording(replies: Sequence[str], references: Sequence[str]) -> Wording:
    """Over all turns: n-grams counted together for chrF and BLEU, the mean for ROUGE-L. Needs at least one turn."""
    chrf = float(_chrf().corpus_score(list(replies), [list(references)]).score)
    cut = [broken(text) for text in replies], [broken(text) for text in references]
    bleu = float(_bleu().corpus_score(cut[0], [cut[1]]).score)
    rouge = [rouge_l(reply, reference) for reply, reference in zip(replies, references, strict=True)]
    return Wording(chrf, bleu, float(np.mean(rouge)))


def wording_intervals(
    replies: Sequence[str],
    references: Sequence[str],
    groups: Sequence[Hashable],
    seed: int = SEED,
    rounds: int = ROUNDS,
) -> dict[str, Interval]:
    """`chrf`, `bleu`, `rouge_l` over the corpus, resampled by conversation. Raises UsageError for no turn."""
    if not replies:
        return {}
    rouge = [rouge_l(reply, reference) for reply, reference in zip(replies, references, strict=True)]
    return {
        "chrf": interval_of(chrf_rows(replies, references), groups, chrf_score, seed, rounds),
        "bleu": interval_of(bleu_rows(replies, references), groups, bleu_score, seed, rounds),
        "rouge_l": interval(rouge, groups, seed, rounds),
    }


def chrf_rows(replies: Sequence[str], references: Sequence[str]) -> Array:
    """What each turn adds to corpus chrF: n-grams of the reply, of the reference, and in common, for n = 1..6; (turns, 18)."""
    return _rows(_chrf(), replies, references)


def bleu_rows(replies: Sequence[str], references: Sequence[str]) -> Array:
    """What each turn adds to corpus BLEU: lengths, matches and totals for n = 1..4; (turns, 10)."""
    return _rows(_bleu(), [broken(text) for text in replies], [broken(text) for text in references])


def chrf_score(sums: Array) -> Array:
    """Corpus chrF in [0, 100] of each row of sums; a `bootstrap.Score`. Popović 2015, n = 6, beta = 2, as sacreBLEU counts."""
    replies, references, common = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    with np.errstate(divide="ignore", invalid="ignore"):
        known = (replies > 0) & (references > 0)
        precision = np.where(known, common / replies, 0.0).sum(axis=1) / known.sum(axis=1)
        recall = np.where(known, common / references, 0.0).sum(axis=1) / known.sum(axis=1)
        found = 5 * precision * recall / (4 * precision + recall)
    return np.asarray(np.nan_to_num(100 * found))


def bleu_score(sums: Array) -> Array:
    """Corpus BLEU in [0, 100] of each row of sums; a `bootstrap.Score`."""
    score = _bleu()._compute_score_from_stats
    return np.asarray([score(row).score for row in sums.tolist()], dtype=np.float64)


def rouge_l(reply: str, reference: str) -> float:
    """F-measure of the longest common subsequence of tokens, in [0, 100]."""
    return 100 * float(_rouge().score(reference, reply)["rougeL"].fmeasure)


def tokens(text: str) -> list[str]:
    """Words in lower case; characters of unbroken scripts one by one; no punctuation."""
    return _TOKEN.findall(text.lower())


def broken(text: str) -> str:
    """The text with spaces around each character of an unbroken script, for sacreBLEU's 13a tokens."""
    return " ".join(_CHARACTER.sub(r" \1 ", text).split())


def signature() -> str:
    """What stands beside a published figure: metrics, settings and versions."""
    from importlib.metadata import version

    versions = f"sacrebleu:{version('sacrebleu')}|rouge-score:{version('rouge-score')}"
    tokens_of = "tok:13a, unbroken scripts by character"
    return f"chrF2 nc:6|nw:0|space:no; BLEU {tokens_of}|smooth:exp; ROUGE-L the same, no punctuation|{versions}"


def _rows(metric: Any, replies: Sequence[str], references: Sequence[str]) -> Array:
    found: npt.NDArray[np.float64] = np.asarray(
        metric._extract_corpus_statistics(list(replies), [list(references)]), dtype=np.float64
    )
    return found


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@cache
def _bleu(effective_order: bool = False) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(force=True, effective_order=effective_order)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Tokens())


class _Tokens:
    """Our tokens behind the name that rouge-score calls."""

    def tokenize(self, text: str) -> list[str]:
        return tokens(text)
