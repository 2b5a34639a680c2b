"""A tuned encoder comes into use and goes with an index, which is its pointer; the history says so. Must not read the store."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from chatbot.errors import Conflict, IndexBroken, ModelError, NotFound
from chatbot.learning import registry
from chatbot.learning.encoder_gate import Verdict
from chatbot.learning.registry import Entry
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_base, open_named, open_tuned
from chatbot.retrieval.embedding import Progress
from chatbot.retrieval.index import KEEP, build_index
from chatbot.retrieval.manifest import Manifest
from chatbot.retrieval.published import current_encoder
from chatbot.retrieval.versions import IndexVersion, list_versions, rollback
from chatbot.settings import Settings
from chatbot.types import Passage


def encoder_in_use(settings: Settings) -> str | None:
    """The tuned version of the current index; None where it is the settings' own encoder."""
    return _version(current_encoder(settings) or "")


def indexes_of(settings: Settings, version: str | None) -> list[str]:
    """Index versions, newest first, that this tuned encoder built, or with None the settings' own; without it none of them could be
    searched."""
    known = (one for one in list_versions(settings.index_folder) if one.problem is None)
    return [one.name for one in known if _version(one.encoder) == version]


@dataclass(frozen=True, slots=True)
class Change:
    """By whom and why another encoder comes into use. verdict: on it; None for the settings' own, and for the way back."""

    by: str
    reason: str | None = None
    verdict: Verdict | None = None
    action: Literal["publish", "rollback"] = "publish"


@dataclass(frozen=True, slots=True)
class WayBack:
    """From the tuned version in use to the one before, which opens; None in either is the settings' own encoder."""

    previous: str | None
    version: str | None
    embedder: Embedder


def open_encoder(settings: Settings, version: str | None) -> Embedder:
    """A tuned version, or with None what the settings name. Raises NotFound, ModelError."""
    return open_base(settings) if version is None else open_tuned(settings, version)


def build_published(  # noqa: PLR0913 - what a build takes, and on what terms it is published
    settings: Settings,
    passages: Iterable[Passage],
    embedder: Embedder,
    progress: Progress,
    *,
    previous: str | None,
    change: Change | None = None,
    keep: int = KEEP,
) -> IndexVersion:
    """`build_index` with an encoder that was chosen, and judged, while the version `previous` was in use.

    change: why, where that is another encoder; it stands in the history before the index is published. None: a build as any other.
    Beside `keep` versions the newest index of the encoder before stays, unless keep is 1. Raises Conflict where another encoder has
    come into use since, StorageError and ModelError where the history cannot be kept, and as `build_index`.
    """
    version = _version(embedder.name)
    _check_in_use(settings, previous)

    def announce() -> None:
        _check_in_use(settings, previous)
        if change is not None and version != previous:
            registry.note(settings.models_folder, _entry(change, version, previous))

    earlier = [previous]
    if change is None or change.action == "rollback" or version == previous:
        earlier = registry.before(settings.models_folder, "encoder", version)
    spared = indexes_of(settings, earlier[0])[:1] if earlier and keep > 1 else ()
    return build_index(passages, embedder, settings.index_folder, progress, keep=keep, spared=spared, announce=announce)


def roll_back_index(settings: Settings, version: str | None, by: str, reason: str | None = None) -> IndexVersion:
    """`versions.rollback`, to a version whose encoder opens; noted where another encoder comes back with it.

    Raises as that does, and ModelError.
    """
    used = current_encoder(settings)

    def opens(encoder: str) -> None:
        if encoder != used:
            open_named(settings, encoder)

    def announce(chosen: Manifest) -> None:
        previous, now = encoder_in_use(settings), _version(chosen.encoder)
        if now != previous:
            change = Change(by, reason, action="rollback")
            registry.note(settings.models_folder, _entry(change, now, previous))

    return rollback(settings.index_folder, version, opens=opens, announce=announce)


def way_back(settings: Settings) -> WayBack:
    """To the newest encoder that was in use before and opens, as the history has it; at last the settings' own.

    Raises NotFound where there is none, ModelError where the settings' own does not open.
    """
    previous = encoder_in_use(settings)
    for version in registry.before(settings.models_folder, "encoder", previous):
        if version == previous:
            continue
        try:
            return WayBack(previous, version, open_encoder(settings, version))
        except (ModelError, NotFound):
            if version is None:
                raise
    raise NotFound(
        f"Before {previous or 'the base encoder'}, which is in use, there was no other that still opens; there is nothing to go "
        "back to."
    )


def roll_back_kept(settings: Settings, way: WayBack, change: Change) -> IndexVersion | None:
    """To the newest whole index that the earlier encoder built; None where none is kept, and one must be built.

    Raises Conflict where another encoder has come into use since, or a build runs.
    """

    def announce(_chosen: Manifest) -> None:
        _check_in_use(settings, way.previous)
        registry.note(settings.models_folder, _entry(change, way.version, way.previous))

    for one in list_versions(settings.index_folder):
        if one.encoder == way.embedder.name:
            with suppress(IndexBroken):
                return rollback(settings.index_folder, one.name, announce=announce)
    return None


def _check_in_use(settings: Settings, expected: str | None) -> None:
    if (now := encoder_in_use(settings)) != expected:
        raise Conflict(
            f"{now or 'The base encoder'} is in use by now, and it was {expected or 'the base encoder'} when this began; nothing "
            "was changed, so run the command again."
        )


def _entry(change: Change, version: str | None, previous: str | None) -> Entry:
    verdict = change.verdict
    gate = None if verdict is None else {"passed": verdict.passed, "reasons": list(verdict.reasons)}
    forced = verdict is not None and not verdict.passed
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry("encoder", version, previous, now, change.by, change.reason, forced, gate, change.action)


def _version(name: str) -> str | None:
    label = name.rpartition("@")[0]
    return label if registry.is_version(label) else None
