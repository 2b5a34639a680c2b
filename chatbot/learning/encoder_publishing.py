"""A tuned encoder comes into use and goes with an index, which is its pointer; the history says so. Must not encode."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from chatbot.errors import NotFound
from chatbot.learning import registry
from chatbot.learning.encoder_gate import Verdict
from chatbot.learning.registry import Entry
from chatbot.retrieval.published import current_encoder
from chatbot.retrieval.versions import IndexVersion, list_versions, rollback
from chatbot.settings import Settings


def encoder_in_use(settings: Settings) -> str | None:
    """The tuned version of the current index; None where it is the settings' own encoder."""
    return _version(current_encoder(settings) or "")


def indexes_of(settings: Settings, version: str) -> list[str]:
    """Index versions that this tuned encoder built and that can be gone back to: without it none of them could be searched."""
    return [one.name for one in list_versions(settings.index_folder) if _version(one.encoder) == version]


def published_by(
    settings: Settings, build: Callable[[], IndexVersion], who: tuple[str, str | None], verdict: Verdict | None
) -> IndexVersion:
    """Runs `build`, which publishes an index, and notes it in the history where another encoder came into use by it.

    who: by whom, and why. verdict: on the encoder, None for the settings' own.
    """
    before = encoder_in_use(settings)
    made = build()
    after = encoder_in_use(settings)
    if after != before:
        gate = None if verdict is None else {"passed": verdict.passed, "reasons": list(verdict.reasons)}
        forced = verdict is not None and not verdict.passed
        registry.note(settings.models_folder, Entry("encoder", after, before, _now(), *who, forced, gate))
    return made


def roll_back_index(settings: Settings, version: str | None, by: str, reason: str | None = None) -> IndexVersion:
    """`versions.rollback`, noted where another encoder came back with it."""
    before = encoder_in_use(settings)
    now = rollback(settings.index_folder, version)
    if (after := encoder_in_use(settings)) != before:
        registry.note(settings.models_folder, Entry("encoder", after, before, _now(), by, reason, action="rollback"))
    return now


def roll_back_encoder(settings: Settings, by: str, reason: str | None = None) -> tuple[Entry, IndexVersion]:
    """Back to the newest sound index that another encoder built, and thereby to that encoder. Raises NotFound, IndexBroken."""
    versions = list_versions(settings.index_folder)
    current = next((one for one in versions if one.current), None)
    older = [one for one in versions if current and one.name < current.name and not one.problem]
    other = next((one for one in older if current and one.encoder != current.encoder), None)
    if current is None or other is None:
        raise NotFound(
            "No index that another encoder built is kept; `chatbot index --encoder base` builds one with the settings' own."
        )
    now = roll_back_index(settings, other.name, by, reason)
    return Entry(
        "encoder", _version(now.encoder), _version(current.encoder), _now(), by, reason, action="rollback"
    ), now


def _version(name: str) -> str | None:
    label = name.rpartition("@")[0]
    return label if registry.is_version(label) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
