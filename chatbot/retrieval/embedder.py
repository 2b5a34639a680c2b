"""Opens the sentence encoder that the settings name, on the engine that fits the machine; must not know indexes."""

from __future__ import annotations

from pathlib import Path

from chatbot.protocols import Embedder
from chatbot.retrieval.encoder_files import locate
from chatbot.settings import Settings


def open_embedder(settings: Settings) -> Embedder:
    """The encoder, ready to encode. torch on a CUDA device, OpenVINO on a CPU.

    On a CPU the first call converts the weights in a child process (about 15 s) and keeps the result in
    `models_folder`; after that torch is never imported. Raises ModelError: missing, tampered with, or not allowed.
    """
    files = locate(settings)
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
