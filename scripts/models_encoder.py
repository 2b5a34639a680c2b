"""A tuned encoder judged against the one in use, before it takes its place. Must not decide what is worse."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from chatbot.learning import registry
from chatbot.learning.encoder_exam import Exam
from chatbot.learning.encoder_gate import Verdict, not_worse
from chatbot.learning.encoder_making import gate_of
from chatbot.learning.encoder_options import Tuning
from chatbot.learning.encoder_pairs import material
from chatbot.learning.encoder_publishing import encoder_in_use
from chatbot.retrieval.embedder import open_base, open_tuned
from chatbot.settings import Settings
from scripts.finetune_encoder import passages_until


def judged_encoder(settings: Settings, name: str) -> Verdict:
    """The verdict in its card, which is on its base; where another tuned encoder is in use, also on the conversations that neither
    has learnt from. Raises NotFound, ModelError."""
    card = registry.read_card(settings.models_folder, name)
    verdict, champion = gate_of(card), encoder_in_use(settings)
    if not verdict.passed or champion in (None, name):
        return verdict
    seen = {*card.conversations_sha256, *registry.read_card(settings.models_folder, champion).conversations_sha256}
    passages = passages_until(settings, datetime.now(UTC))
    held = [row for row, one in enumerate(passages) if _mark(one.conversation_id) not in seen]
    known = sorted({*range(len(passages))}.difference(held))
    whole = material(passages, open_base(settings))
    exam = Exam(whole.part(held), whole.part(known), Tuning().seed)
    if not exam.enough:
        few = (
            f"{len(held)} answers are from conversations that neither it nor {champion}, which is in use, has learnt from: too few "
            "to compare the two",
        )
        return Verdict(False, few, verdict.figures)
    found = not_worse(exam.take(open_tuned(settings, champion).encode), exam.take(open_tuned(settings, name).encode))
    reasons = tuple(f"against {champion}, which is in use: {reason}" for reason in found.reasons)
    return Verdict(found.passed, reasons, {**verdict.figures, f"against {champion}": found.figures})


def _mark(conversation: str) -> str:
    return hashlib.sha256(conversation.encode()).hexdigest()
