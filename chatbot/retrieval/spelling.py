"""Mends a customer's typos with the words that the passages themselves use; must not know an index or a model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SHORTEST = 4
_LONG = 8  # from here on two slips are forgiven, below one (an exchange of neighbours is one: Damerau 1964)
_OFTEN = 2  # a word seen once may be a typo itself


class Speller:
    """The vocabulary of one language's passages. Lives as long as the index version; any thread may call."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(word.casefold() for text in texts for word in _WORD.findall(text))
        self._known = frozenset(counts)
        self._targets: dict[str, list[str]] = {}
        for word, count in counts.most_common():
            if count >= _OFTEN and len(word) >= _SHORTEST:
                self._targets.setdefault(word[0], []).append(word)

    def knowing(self, texts: Iterable[str]) -> Speller:
        """The same vocabulary, with the words of more texts known: they are no typos."""
        more = Speller(())
        more._known = self._known | {word.casefold() for text in texts for word in _WORD.findall(text)}
        more._targets = self._targets
        return more

    def mend(self, text: str) -> str:
        """The text with each unknown word replaced by the known word that it is most likely a slip of, if there is one.

        Only words of the same first letter count; among equally near ones the most frequent wins. Capitals, digits and
        placeholders stay as they are.
        """
        return _WORD.sub(lambda match: self._mend_word(match.group(), text, match.start()), text)

    def _mend_word(self, word: str, text: str, start: int) -> str:
        folded = word.casefold()
        if (
            len(word) < _SHORTEST
            or folded in self._known
            or word.isupper()
            or text[start - 1 : start] in ("[", "@", "/")
        ):
            return word
        from rapidfuzz.distance import OSA

        slips = 2 if len(word) >= _LONG else 1
        near = [
            (distance, target)
            for target in self._targets.get(folded[0], ())
            if abs(len(target) - len(word)) <= slips
            and (distance := OSA.distance(folded, target, score_cutoff=slips)) <= slips
        ]
        return min(near, key=lambda one: one[0])[1] if near else word
