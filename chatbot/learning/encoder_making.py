"""A company's conversations to a lesson, a finished run to a version of the registry. Must not know SQL, terminals or the loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.learning import registry
from chatbot.learning.datasets import Dataset
from chatbot.learning.encoder_gate import Verdict
from chatbot.learning.encoder_options import Lesson, Tuned, Tuning
from chatbot.learning.encoder_pairs import material, split_by_time
from chatbot.learning.examples import read_examples
from chatbot.learning.generator_base import check_licence, declared_licence
from chatbot.learning.model_check import check_encoder
from chatbot.protocols import Embedder
from chatbot.retrieval.encoder_files import EMBEDDED, EncoderFiles, locate
from chatbot.settings import Settings
from chatbot.types import Passage

OpenEncoder = Callable[[], Embedder]
HELD_OUT = 0.15  # of the conversations
FEWEST_CONVERSATIONS = 60
_LICENCES = {EMBEDDED: "Apache-2.0"}


def lesson_of(passages: Sequence[Passage], opened: OpenEncoder, seed: int) -> Lesson:
    """The latest conversations held out, the rest to learn from; `opened` gives the untuned encoder. Raises UsageError for too
    few, before it is opened."""
    _enough(passages)
    whole = material(passages, opened())
    learned, held = split_by_time(passages, HELD_OUT, seed)
    return Lesson(whole.part(learned), whole.part(held))


def lesson_of_dataset(dataset: Dataset, opened: OpenEncoder) -> Lesson:
    """A data set's own split: `train` to learn from, `validation` held out, `test` untouched. Raises UsageError."""
    train, validation = _passages_of(dataset.train), _passages_of(dataset.validation)
    _enough(train)
    whole = material([*train, *validation], opened())
    count = len(train)
    return Lesson(whole.part(range(count)), whole.part(range(count, count + len(validation))))


def tunable(settings: Settings, accepted: str | None) -> EncoderFiles:
    """The encoder that the settings name, where its files and its licence let it be tuned. accepted: a licence accepted by name.

    Raises UsageError, also for what is missing, tampered with or pickled.
    """
    try:
        base = locate(settings)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc
    check_licence(base.label, licence_of(base, settings.encoder), accepted)
    return base


def check_weights(settings: Settings, base: EncoderFiles) -> None:
    """Raises UsageError where the encoder cannot be opened for tuning; the embedded one's bytes are known already."""
    if settings.encoder != EMBEDDED:
        check_encoder(base.folder)


def one_language_note(settings: Settings, languages: Iterable[str], asked: Sequence[str]) -> str:
    """A warning where one language only is learnt and others are served unasked; "" else.

    No refusal: unlike a generator, it writes nothing, and customers are still answered in their own language.
    """
    learnt, served = set(languages), set(settings.languages)
    if len(learnt) != 1 or asked or not served - learnt:
        return ""
    only = next(iter(learnt))
    return (
        f"All that it learns from is in {only}, and customers are answered in {', '.join(settings.languages)}: what it does to "
        f"the others is not measured; add transcripts in them, or say --languages {only} if that is meant."
    )


def limited(passages: Sequence[Passage], languages: Sequence[str], most: int | None) -> list[Passage]:
    """Those in the languages (all where none is named), and of these the newest `most`. Raises UsageError for a language that
    none is in."""
    held = {one.language for one in passages}
    if held and (missing := sorted(set(languages) - held)):
        raise UsageError(f"There is no passage in {missing[0]} ({', '.join(sorted(held))}); change --languages.")
    kept = [one for one in passages if not languages or one.language in languages]
    return kept[-most:] if most else kept


def card_fields(
    base: EncoderFiles, encoder: str, lesson: Lesson, options: Tuning, made: tuple[Tuned, Verdict]
) -> dict[str, Any]:
    """What `registry.add` keeps of a run. encoder: as the settings name the base."""
    tuned, verdict = made
    learned = lesson.learned
    conversations = sorted({hashlib.sha256(one.conversation_id.encode()).hexdigest() for one in learned.passages})
    return {
        "base": base.label,
        "base_sha256": base.digest,
        "licence": licence_of(base, encoder),
        "languages": sorted({one.language for one in learned.passages}),
        "dataset": "",
        "data_sha256": learned.digest(),
        "method": "contrastive: MultipleNegativesRanking, duplicates masked"
        + (", mined hard negatives" if options.hard_epochs else ""),
        "format": "safetensors",
        "hyperparameters": options.deciding(),
        "curves": {"loss": list(tuned.losses), "held-out score": list(tuned.scores)},
        "scores": dict(verdict.figures) | gate_fields(verdict),
        "conversations_sha256": conversations,
        "seconds": tuned.seconds,
        "peak_memory_mb": tuned.peak_memory_mb,
    }


def gate_fields(verdict: Verdict) -> dict[str, Any]:
    """The verdict as a card holds it, see `gate_of`."""
    return {"gate": {"passed": verdict.passed, "reasons": list(verdict.reasons)}}


def gate_of(card: registry.Card) -> Verdict:
    """The verdict in an encoder's card; one without counts as not passed."""
    found: Mapping[str, Any] = card.scores.get("gate") or {}
    reasons = tuple(found.get("reasons") or ()) or (() if found.get("passed") else ("it was never judged",))
    return Verdict(bool(found.get("passed")), reasons, card.scores)


def licence_of(base: EncoderFiles, encoder: str) -> str:
    """The base's licence: known for the embedded encoder, else as its README declares it, else "unknown"."""
    if encoder in _LICENCES:
        return _LICENCES[encoder]
    return declared_licence(base.folder)


def _enough(passages: Sequence[Passage]) -> None:
    conversations = len({(one.source, one.conversation_id) for one in passages})
    if conversations < FEWEST_CONVERSATIONS:
        raise UsageError(
            f"{conversations} conversations are too few to tune an encoder ({FEWEST_CONVERSATIONS} are needed); import more "
            "transcripts."
        )


def _passages_of(path: Path) -> list[Passage]:
    return [
        Passage(
            id=one.id,
            conversation_id=one.conversation_id,
            turn_id=0,
            language=one.language,
            question=one.question,
            window=one.window,
            answer=one.target,
            source=one.source,
            resolved_at=one.at,
        )
        for one in read_examples(path)
        if one.kind == "answer" and one.augmented is None
    ]
