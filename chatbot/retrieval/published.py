"""Which encoder is published, and how one is opened by the name in a manifest. Must not know queries or passages.

The index is the pointer: the current version's manifest names the encoder that built it, a tuned one (`encoder-v0001@...`) or
the settings' own. A roll-back of the index is thereby one of the encoder.
"""

from __future__ import annotations

from chatbot.errors import IndexBroken, ModelError, NotFound
from chatbot.learning import registry
from chatbot.retrieval.encoder_files import EncoderFiles, describe, locate
from chatbot.retrieval.manifest import read_manifest, read_pointer
from chatbot.retrieval.versions import list_versions
from chatbot.settings import Settings


def published_encoder(settings: Settings) -> EncoderFiles:
    """The tuned encoder of the current index version, where it was tuned from the encoder that the settings name; else that one.

    Raises ModelError for one that is missing or tampered with: it is never left for another in silence.
    """
    own = locate(settings)
    name = current_encoder(settings)
    if name is None or name == own.name or not registry.is_version(_label(name)):
        return own
    files, card = _version(settings, _label(name))
    if card.base_sha256 != own.digest:
        return own  # the settings have been given another base since
    return _same(files, name)


def encoder_named(settings: Settings, name: str) -> EncoderFiles:
    """The encoder of that name: the settings' own or a tuned version of ours. Raises ModelError."""
    own = locate(settings)
    if own.name == name:
        return own
    if not registry.is_version(_label(name)):
        raise ModelError(f"the settings name the encoder {own.name}; run `chatbot index` to build the index with it.")
    return _same(_version(settings, _label(name))[0], name)


def tuned_encoder(settings: Settings, version: str) -> EncoderFiles:
    """A version of the registry, checked byte by byte. Raises NotFound, ModelError."""
    found = registry.open_version(settings.models_folder, version)
    if found.card.kind != "encoder":
        raise ModelError(
            f"{version} is no encoder but of the kind {found.card.kind}; `chatbot models list` shows them."
        )
    return describe(found.folder, version)


def current_encoder(settings: Settings) -> str | None:
    """The encoder's name in the manifest of the current index version, or of the newest sound one where that is broken."""
    try:
        version = read_pointer(settings.index_folder)
        return read_manifest(settings.index_folder / version).encoder if version else None
    except IndexBroken:
        return next((one.encoder for one in list_versions(settings.index_folder) if one.problem is None), None)


def _version(settings: Settings, version: str) -> tuple[EncoderFiles, registry.Card]:
    try:
        return tuned_encoder(settings, version), registry.read_card(settings.models_folder, version)
    except NotFound as exc:
        raise ModelError(
            f"The tuned encoder {version} is not in {settings.models_folder}; bring it back from a backup, or run "
            "`chatbot index rollback` or `chatbot index --encoder base`."
        ) from exc


def _same(files: EncoderFiles, name: str) -> EncoderFiles:
    if files.name != name:
        raise ModelError(f"The encoder {files.label} is {files.name} by now, not {name}; run `chatbot index`.")
    return files


def _label(name: str) -> str:
    return name.rpartition("@")[0]
