"""What sets groups of texts apart, in a few words: class-based TF-IDF. Must not know what the texts are for.

Grootendorst 2022, "BERTopic", eq. 1: a term's weight in a class is its frequency there times log(1 + A / f), A the average
number of terms in a class and f the term's frequency over all classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from chatbot.retrieval.words import content_spans

MOST_TERMS = 3
_PLACEHOLDERS = frozenset({"email", "phone", "card", "iban", "order", "name"})
_PAIR = 1.5  # two words in a row say more than either
_OFTEN = 0.15  # share of a group's texts in which a term must stand to name it
Terms = dict[str, str]
"""Folded term -> as it is written."""


def names(groups: Sequence[Sequence[str]], language: str) -> list[str]:
    """A name for each group, such as "gift card · voucher"; "" where no word is left."""
    cut = [[_terms(text, language) for text in texts] for texts in groups]
    held = [Counter(term for terms in texts for term in terms) for texts in cut]
    overall = sum(held, Counter[str]())
    average = sum(overall.values()) / max(1, len(groups))
    return [_name(texts, counts, overall, average) for texts, counts in zip(cut, held, strict=True)]


def _name(texts: Sequence[Terms], counts: Counter[str], overall: Counter[str], average: float) -> str:
    enough = max(2 if len(texts) > 1 else 1, math.ceil(_OFTEN * len(texts)))
    weights = {
        term: often * math.log1p(average / overall[term]) * (_PAIR if " " in term else 1.0)
        for term, often in counts.items()
        if often >= enough
    }
    weights = weights or {term: float(often) for term, often in counts.items()}
    chosen: list[str] = []
    for term in sorted(weights, key=lambda one: (-weights[one], one)):
        if not any(set(term.split()) & set(other.split()) for other in chosen):
            chosen.append(term)
        if len(chosen) == MOST_TERMS:
            break
    return " · ".join(_written(term, texts) for term in chosen)


def _written(term: str, texts: Sequence[Terms]) -> str:
    """As most of the texts write it."""
    forms = Counter(terms[term] for terms in texts if term in terms)
    return min(forms, key=lambda form: (-forms[form], form))


def _terms(text: str, language: str) -> Terms:
    """Content words and pairs of neighbours, each once; placeholders of personal data name nothing."""
    spans = [
        span
        for span in content_spans(text, language)
        if len(span[2]) > 1 and not (span[2] in _PLACEHOLDERS and text[span[0] : span[1]].isupper())
    ]
    found = {folded: text[start:end].casefold() for start, end, folded in spans}
    for (start, end, one), (after, last, two) in pairwise(spans):
        if not text[end:after].strip() and one != two:
            found[f"{one} {two}"] = text[start:last].casefold()
    return found
