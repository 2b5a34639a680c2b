"""A PEFT adapter merged into its base. Must not know where either came from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any


def merge(model: Any, adapter: Path) -> Any:
    """The model with the adapter's changes added to its weights, in the model's own precision.

    Raises what PEFT raises: OSError, ValueError, RuntimeError, KeyError.
    """
    from peft import PeftModel

    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 by a name that is to go in 6
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return PeftModel.from_pretrained(model, adapter, is_trainable=False).merge_and_unload(safe_merge=True)
