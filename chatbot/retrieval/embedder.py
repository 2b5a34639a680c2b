"""Opens the sentence encoder that is published or named, on the engine that fits the machine; must not know indexes."""

from __future__ import annotations

from pathlib import Path

from chatbot.protocols import Embedder
from chatbot.retrieval.encoder_files import EncoderFiles, locate
from chatbot.retrieval.published import encoder_named, published_encoder, tuned_encoder
from chatbot.settings import Settings


def open_embedder(settings: Settings) -> Embedder:
    """The encoder that is published, ready to encode: the current index version's where it was tuned here, else the settings'.

    torch on a CUDA device, OpenVINO on a CPU. There the first call converts the weights in a child process (about 15 s) and keeps
    the result in `models_folder`; after that torch is never imported. Raises ModelError: missing, tampered with, or not allowed.
    """
    return open_files(published_encoder(settings), settings)


def open_base(settings: Settings) -> Embedder:
    """The encoder that the settings name, whatever was tuned from it. Raises ModelError."""
    return open_files(locate(settings), settings)


def open_tuned(settings: Settings, version: str) -> Embedder:
    """A tuned version of the registry. Raises NotFound, ModelError."""
    return open_files(tuned_encoder(settings, version), settings)


def open_named(settings: Settings, name: str) -> Embedder:
    """The encoder by the name in a manifest, see `published.encoder_named`. Raises ModelError."""
    return open_files(encoder_named(settings, name), settings)


def open_files(files: EncoderFiles, settings: Settings) -> Embedder:
    """An encoder on disk that was checked, on the engine that fits the machine. Raises ModelError."""
    if settings.device == "cuda" or (settings.device == "auto" and _has_nvidia()):
        from chatbot.retrieval.torch_encoder import TorchEmbedder

        return TorchEmbedder(files, "cuda")
    from chatbot.retrieval.convert import cached_ir
    from chatbot.retrieval.openvino_encoder import OpenVinoEmbedder

    return OpenVinoEmbedder(files, cached_ir(files, settings.models_folder))


def _has_nvidia() -> bool:
    """Asks the driver's own file rather than torch: importing torch costs seconds on machines without a GPU."""
    if not Path("/proc/driver/nvidia/version").exists() and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return bool(torch.cuda.is_available())
