"""What customers would read of a reply in the mode `adapted`: the draft, or the past answer where a check stops it. Must not know
models."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.composing import stopped
from chatbot.learning.evaluation_targets import top_answer
from chatbot.learning.examples import Example
from chatbot.learning.grounding import refuses


def as_read(
    examples: Sequence[Example], drafts: Sequence[str], languages: Sequence[str], company: str
) -> tuple[list[str], list[str]]:
    """Each draft as customers would read it, and the past answers alone. languages: that the model is said to write, () for any; in
    others the past answer is read."""
    past = [top_answer(one) for one in examples]
    shown = [
        adapted(one, draft, company) if not languages or one.language in languages else before
        for one, draft, before in zip(examples, drafts, past, strict=True)
    ]
    return shown, past


def adapted(example: Example, draft: str, company: str = "") -> str:
    """The draft where it passes the product's own checks, else the past answer. company: its name, which a draft may say."""
    past = top_answer(example)
    asked = (example.question, example.window)
    return past if refuses(draft) or stopped(draft, past, asked, company, example.language) else draft
