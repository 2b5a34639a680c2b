"""A version of the registry as a model that an engine can open, and which one customers get. Must not load any."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from chatbot.errors import ModelError, SettingsError
from chatbot.generation import shipped
from chatbot.generation.catalogue import (
    SMOLLM2,
    SMOLLM2_SHA256,
    TRANSLATE,
    EngineName,
    ModelSpec,
    embedded_path,
    gpu_wanted,
    reply_modes,
    resolve,
)
from chatbot.learning.cards import CARD, Card
from chatbot.learning.registry import is_version, published_card, read_card
from chatbot.settings import Settings

SMOLLM2_CONTEXT = 8192


def spec_of(models: Path, card: Card, *, on_gpu: bool = False) -> ModelSpec:
    """How the version is served: a .gguf by OpenVINO on a CPU, everything else by transformers.

    Its hashes go along, so that whoever loads it can tell that it is what was published. Raises ModelError for a version that
    is no generator, or whose base is not there.
    """
    if card.kind != "generator":
        raise ModelError(f"{card.name} is no generator but of the kind {card.kind}; name a generator.")
    folder = models / card.name
    sealed = hashlib.sha256((folder / CARD).read_bytes()).hexdigest()
    engine: EngineName = "transformers" if on_gpu else "openvino"
    if card.format == "gguf":
        name = gguf_name(card)
        spec = ModelSpec(card.name, "gguf", engine, folder / name, card.files[name])
    elif card.format == "safetensors":
        spec = ModelSpec(card.name, "folder", "transformers", folder, sealed)
    elif card.format == "adapter":
        spec = replace(
            base_spec(card.base, on_gpu=on_gpu),
            name=card.name,
            engine="transformers",
            adapter=folder,
            adapter_sha256=sealed,
        )
    else:
        raise ModelError(f"{card.name} holds no weights that an engine reads ({card.format}); publish another version.")
    return replace(
        spec,
        licence=card.licence,
        languages=card.languages,
        fit=reply_modes(card.fit) or spec.fit,
        translates=TRANSLATE in card.fit,
        context=SMOLLM2_CONTEXT if card.base == SMOLLM2 else spec.context,
        prompt=card.prompt,
    )


def pinned(settings: Settings) -> str | None:
    """The setting that goes before what is published, as `name = value`; None where customers get the published generator."""
    if settings.engine == "none":
        return "engine = 'none'"
    if settings.model_url is not None:
        return f"model_url = {settings.model_url!r}"
    given = next((name for name in ("adapter", "model") if name in settings.model_fields_set), None)
    return f"{given} = {str(getattr(settings, given))!r}" if given else None


def untuned(settings: Settings) -> ModelSpec:
    """The model that the settings name, without an adapter; of a version of the registry what that was tuned from. Looks at no
    file's content. Raises NotFound, SettingsError, ModelError."""
    base = settings.model
    if is_version(base):
        card = read_card(settings.models_folder, base)
        if card.kind != "generator":
            raise ModelError(f"{card.name} is no generator but of the kind {card.kind}; name a generator.")
        base = card.base
    return resolve(settings.model_copy(update={"model": base, "adapter": None}))


def served(settings: Settings) -> ModelSpec:
    """The generator that customers get: the published version, unless the settings name a model or an adapter themselves; without
    either the demo company's adapter where it has earned that (`shipped`), else the base model.

    The card must be the very one that was published; the files' hashes are checked by whoever loads them. Raises ModelError,
    SettingsError, and NotFound for a version that the setting `model` names and that is not there.
    """
    models = settings.models_folder
    if settings.model_url is not None or settings.engine == "none" or "adapter" in settings.model_fields_set:
        return resolve(settings)
    if is_version(settings.model):
        card: Card | None = read_card(models, settings.model)
    else:
        card = None if pinned(settings) else published_card(models, "generator")
    if card is None:
        if (card := shipped.default_adapter(settings)) is None:
            return resolve(settings)
        # the name is another than a deployment's own versions have
        spec = replace(spec_of(shipped.FOLDER, card), name=f"demo-{card.name}")
    else:
        spec = spec_of(models, card, on_gpu=gpu_wanted(settings))
    if settings.engine == "openvino" and spec.engine != "openvino":
        raise SettingsError(
            f"engine = 'openvino' reads .gguf files, and {card.name} is {card.format}: publish what `chatbot models compress` "
            "makes of it, or leave engine unset."
        )
    return replace(
        spec,
        engine="transformers" if settings.engine == "transformers" else spec.engine,
        languages=settings.model_languages or spec.languages,
        fit=reply_modes(settings.model_fit) or spec.fit,
        translates=TRANSLATE in settings.model_fit or spec.translates,
    )


def base_spec(base: str, *, on_gpu: bool = False) -> ModelSpec:
    """What a card names as its base: the embedded model, a .gguf file, a folder, or a hub id. Raises ModelError."""
    engine: EngineName = "transformers" if on_gpu else "openvino"
    if base == SMOLLM2:
        return ModelSpec(SMOLLM2, "gguf", engine, embedded_path(), SMOLLM2_SHA256, "Apache-2.0", ("en",))
    path = Path(base).expanduser()
    if path.suffix == ".gguf":
        return ModelSpec(path.stem, "gguf", engine, path.absolute())
    if path.is_dir():
        return ModelSpec(path.name, "folder", "transformers", path.absolute())
    if path.is_absolute() or base.count("/") != 1:
        raise ModelError(f"The base {base} of this version is not there any more; bring the folder back.")
    return ModelSpec(base, "hub", "transformers")


def gguf_name(card: Card) -> str:
    """The version's one .gguf file. Raises ModelError where it has none."""
    found = [name for name in card.files if name.endswith(".gguf")]
    if len(found) != 1:
        raise ModelError(f"{card.name} holds {len(found)} .gguf files in place of one; make the version again.")
    return found[0]
