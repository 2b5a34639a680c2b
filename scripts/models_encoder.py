"""A tuned encoder judged against the one in use, before it takes its place. Must not decide what is worse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chatbot.errors import ModelError, NotFound
from chatbot.learning import registry
from chatbot.learning.encoder_exam import Exam
from chatbot.learning.encoder_gate import NAMES, Verdict, not_worse
from chatbot.learning.encoder_making import gate_of
from chatbot.learning.encoder_options import Tuning
from chatbot.learning.encoder_pairs import material
from chatbot.learning.encoder_publishing import encoder_in_use
from chatbot.learning.learnt import learnt_by, mark
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_base, open_tuned
from chatbot.room import need_room
from chatbot.settings import Settings
from scripts.finetune_encoder import passages_until
from storage.opening import open_store

_INDEX_BYTES = 1_000_000  # whatever it holds
_BYTES_A_PASSAGE = 12_000  # of an index, generously: the demo company's takes 9,000


def check_index_room(settings: Settings) -> None:
    """Raises UsageError where the index that an encoder is published with would not fit on the disk."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(url, settings.data) as store:
        count = store.transcripts.counts().passages
    needed = _INDEX_BYTES + count * _BYTES_A_PASSAGE
    need_room(settings.index_folder, needed, "The index that the encoder is published with")


def compared_encoder(settings: Settings, name: str, champion: str | None) -> Verdict:
    """The verdict in its card, which is on its base; where a tuned champion is named, also on the conversations that neither has
    learnt from. Raises NotFound, ModelError, and gating.UnopenedError for a champion that is gone or was changed."""
    card = registry.read_card(settings.models_folder, name)
    verdict = gate_of(card)
    if not verdict.passed or champion in (None, name):
        return verdict
    said = "which is in use" if champion == encoder_in_use(settings) else "named as champion"
    used = _opened(settings, champion)
    seen = learnt_by(settings.models_folder, name, champion)
    passages = passages_until(settings, datetime.now(UTC))
    held = [row for row, one in enumerate(passages) if mark(one.conversation_id) not in seen]
    known = sorted({*range(len(passages))}.difference(held))
    whole = material(passages, open_base(settings))
    exam = Exam(whole.part(held), whole.part(known), Tuning().seed)
    if not exam.enough:
        few = (
            f"{len(held)} answers are from conversations that neither it nor {champion}, {said}, has learnt from: too few "
            "to compare the two",
        )
        return Verdict(False, few, verdict.figures)
    found = not_worse(exam.take(used.encode), exam.take(open_tuned(settings, name).encode))
    reasons = tuple(f"against {champion}, {said}: {reason}" for reason in found.reasons)
    return Verdict(found.passed, reasons, {**verdict.figures, f"against {champion}": found.figures})


def _opened(settings: Settings, champion: str) -> Embedder:
    from chatbot.learning.gating import UnopenedError

    try:
        return open_tuned(settings, champion)
    except (ModelError, NotFound) as exc:
        raise UnopenedError(str(exc)) from exc


def encoder_view(verdict: Verdict, name: str, champion: str | None) -> dict[str, Any]:
    """As JSON, in the form of the generators' and heads' verdicts; of a language its difference alone is known."""
    sides = {"its base": verdict.figures}
    if champion is not None and (found := verdict.figures.get(f"against {champion}")):
        sides[champion] = found
    return {
        "passed": verdict.passed,
        "champion": champion,
        "challenger": name,
        "parts": [line for side, figures in sides.items() for line in _lines(side, figures)],
        "reasons": list(verdict.reasons),
    }


def _lines(side: str, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    lines = []
    for figure, measure in NAMES.items():
        if (one := figures.get(figure)) is None:
            continue
        whole = (one["before"]["mean"], one["after"]["mean"], one["difference"])
        alone = {language: (None, None, gain) for language, gain in one.get("languages", {}).items()}
        for part, (before, after, difference) in {"overall": whole, **alone}.items():
            line = {"against": side, "part": part, "measure": measure, "champion": before, "challenger": after}
            lines.append({**line, "difference": difference, "turns": difference["n"]})
    return lines
