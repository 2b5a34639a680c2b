"""Heads judged and published: challenger and champion on what the store holds. Must not decide what is worse."""

from __future__ import annotations

from dataclasses import replace

from chatbot.errors import Conflict, ModelError, NotFound
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


class _EncoderGoneError(ModelError):
    """The encoder that heads were fitted on is not to be had here."""


def judged_heads(settings: Settings, challenger: str, champion: str | None) -> Verdict:
    """Both on the labelled conversations that neither learnt from; champion None: no heads. Champions whose encoder is gone read
    nothing for anybody, so they count as none, which the verdict tells. Raises NotFound, ModelError, and gating.UnopenedError for
    champions that were changed."""
    from chatbot.learning.gating import UnopenedError

    opened: dict[str, Embedder] = {}
    new = _side(settings, challenger, opened)
    told: tuple[str, ...] = ()
    try:
        old = _side(settings, champion, opened)
    except _EncoderGoneError as gone:
        old, told = Side(None), (f"{champion} reads nothing and counts as no heads: {gone}",)
    except (ModelError, NotFound) as exc:
        raise UnopenedError(str(exc)) from exc
    verdict = judge_heads(new, old, rows_of(settings))
    return replace(verdict, told=(*told, *verdict.told))


def publish_heads(settings: Settings, name: str, reason: str | None, *, force: bool) -> tuple[Entry, Verdict | None]:
    """Publishes heads that are not worse than the published ones, or with `force` and a reason; then also over ones that cannot be
    opened, without a verdict. Raises gating.Refused, gating.UnopenedError."""
    from chatbot.learning.gating import Refused, UnopenedError, unjudged

    champion = registry.published(settings.models_folder, "heads")
    if champion == name:
        raise Conflict(f"{name} is published already.")
    need_room(settings.models_folder, _POINTER_BYTES, "Publishing")
    models = settings.models_folder
    try:
        verdict = judged_heads(settings, name, champion)
    except UnopenedError as exc:
        if not force:
            raise UnopenedError(unjudged(name, "heads", champion, exc)) from exc
        problem = {"passed": False, "problem": str(exc)}
        entry = registry.publish(models, name, user(), champion=champion, reason=reason, forced=True, gate=problem)
        return entry, None
    if not verdict.passed and not force:
        raise Refused(
            f"{name} is not published. {' '.join(verdict.reasons)} To publish it all the same, give --force with --reason.",
            verdict,
        )
    forced = not verdict.passed
    gate = dict(verdict.view())
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
            else _named(settings, name, heads.encoder)
        )
    return Side(name, heads, opened[heads.encoder].encode, _learnt(version.card))


def _named(settings: Settings, name: str, encoder: str) -> Embedder:
    try:
        return open_named(settings, encoder)
    except ModelError as exc:
        raise _EncoderGoneError(
            f"{name} was fitted on vectors of {encoder}, which cannot be had here; fit heads for the encoder in use with `chatbot "
            "finetune --heads`."
        ) from exc


def _learnt(card: Card) -> frozenset[str]:
    return frozenset(card.conversations_sha256)
