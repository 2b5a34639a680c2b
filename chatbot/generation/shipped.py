"""The adapter that the demo company ships, and whether it is what English replies are written with by default. Must not load it.

Its card says what it is fit for: `adapted` stands there only where, on held-out turns, adapted replies beat the past answer alone
(`python -m scripts.ship_adapter`). Without that word nothing here changes anything, and `precedent` stays.
"""

from __future__ import annotations

from pathlib import Path

from chatbot.generation.catalogue import SMOLLM2, reply_modes
from chatbot.learning.cards import CARD, Card
from chatbot.learning.registry import published, read_card
from chatbot.settings import Settings
from chatbot.types import Mode

FOLDER = Path(__file__).parents[1] / "demo" / "adapter"


def shipped_card() -> Card | None:
    """The card of what is shipped, its digest checked; None where there is none. Raises ModelError."""
    names = sorted(path.parent.name for path in FOLDER.glob(f"*/{CARD}"))
    return read_card(FOLDER, names[-1]) if names else None


def default_adapter(settings: Settings) -> Card | None:
    """The shipped adapter's card where these settings get it: mode `adapted`, the embedded model by default, an engine that takes
    adapters, and a verdict that it beats `precedent`. Its files are checked by whoever loads them. Raises ModelError."""
    if settings.reply_mode is not Mode.ADAPTED or not _takes_it(settings):
        return None
    return _winner()


def with_default_mode(settings: Settings) -> Settings:
    """The settings in mode `adapted` where they name no mode, serve the demo company, and the shipped adapter beats `precedent`;
    else as they are. Other languages than the adapter's keep the past answer, as with any model. Raises ModelError."""
    demo = settings.company == Settings.model_fields["company"].default
    if "reply_mode" in settings.model_fields_set or not demo or not _takes_it(settings):
        return settings
    if published(settings.models_folder, "generator") is not None or _winner() is None:
        return settings
    return settings.model_copy(update={"reply_mode": Mode.ADAPTED})


def _takes_it(settings: Settings) -> bool:
    own = settings.model_fields_set & {"model", "adapter", "model_url"}
    return not own and settings.model == SMOLLM2 and settings.engine in ("auto", "transformers")


def _winner() -> Card | None:
    card = shipped_card()
    return card if card is not None and Mode.ADAPTED in reply_modes(card.fit) else None
