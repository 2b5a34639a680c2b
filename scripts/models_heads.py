"""Heads judged and published: challenger and champion on what the store holds. Must not decide what is worse."""

from __future__ import annotations

from chatbot.errors import Conflict
from chatbot.learning import registry
from chatbot.learning.cards import Card
from chatbot.learning.gate import Verdict
from chatbot.learning.heads import ENCODER, open_heads
from chatbot.learning.heads_gate import Side, judge_heads
from chatbot.learning.registry import Entry
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_files, open_named
from chatbot.retrieval.encoder_files import describe
from chatbot.room import need_room
from chatbot.settings import Settings
from scripts.finetune_heads import rows_of
from scripts.machine import user

_POINTER_BYTES = 1_000_000  # of published.json, whose history grows by a verdict at each publish


def judged_heads(settings: Settings, challenger: str, champion: str | None) -> Verdict:
    """Both on the labelled conversations that neither learnt from; champion None: no heads. Raises NotFound, ModelError."""
    opened: dict[str, Embedder] = {}
    sides = [_side(settings, name, opened) for name in (challenger, champion)]
    return judge_heads(sides[0], sides[1], rows_of(settings))


def publish_heads(settings: Settings, name: str, reason: str | None, *, force: bool) -> tuple[Entry, Verdict]:
    """Publishes heads that are not worse than the published ones, or with `force` and a reason. Raises gating.Refused."""
    champion = registry.published(settings.models_folder, "heads")
    if champion == name:
        raise Conflict(f"{name} is published already.")
    need_room(settings.models_folder, _POINTER_BYTES, "Publishing")
    verdict = judged_heads(settings, name, champion)
    if not verdict.passed and not force:
        from chatbot.learning.gating import Refused

        raise Refused(
            f"{name} is not published. {' '.join(verdict.reasons)} To publish it all the same, give --force with --reason.",
            verdict,
        )
    forced = not verdict.passed
    gate = dict(verdict.view())
    models = settings.models_folder
    return registry.publish(models, name, user(), champion=champion, reason=reason, forced=forced, gate=gate), verdict


def _side(settings: Settings, name: str | None, opened: dict[str, Embedder]) -> Side:
    if name is None:
        return Side(None)
    version = registry.open_version(settings.models_folder, name)
    heads = open_heads(version.folder)
    if heads.encoder not in opened:
        opened[heads.encoder] = (
            open_files(describe(version.folder / ENCODER, name), settings)
            if heads.own
            else open_named(settings, heads.encoder)
        )
    return Side(name, heads, opened[heads.encoder].encode, _learnt(version.card))


def _learnt(card: Card) -> frozenset[str]:
    return frozenset(card.conversations_sha256)
