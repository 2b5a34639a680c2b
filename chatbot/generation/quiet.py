"""The libraries' own bars and hints off the terminal: a command shows its own progress. Must not know what is loaded."""

from __future__ import annotations

import os


def quiet() -> None:
    """Call it before a model is loaded. What goes wrong still comes as an exception."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import modeling_gguf_pytorch_utils
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    modeling_gguf_pytorch_utils.tqdm = logging.tqdm  # the bar over a .gguf knows of no switch by itself
