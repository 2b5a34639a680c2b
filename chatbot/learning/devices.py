"""Where training runs: on a GPU where there is one and nobody forbade it. Must not know what is trained."""

from __future__ import annotations

import os
from typing import Literal, get_args

from chatbot.errors import UsageError

Device = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


def training_device(wished: str) -> str:
    """cuda or cpu, for one of DEVICES. Raises UsageError for another word, and for a GPU that is asked for and not there."""
    if wished not in DEVICES:
        raise UsageError(f"There is no device {wished!r}; take one of {', '.join(DEVICES)}.")
    # read when OpenMP starts: a thread that spins at a barrier stops the others where a server shares the cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    there = torch.cuda.is_available()
    if wished == "cuda" and not there:
        raise UsageError("--device cuda was given and torch sees no GPU; leave it out, or install torch's CUDA build.")
    return "cuda" if there and wished != "cpu" else "cpu"


def out_of_memory(exc: BaseException) -> bool:
    """Whether memory, of the GPU or the machine, is what ran out."""
    import torch

    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(exc)
    signs = ("out of memory", "not enough memory", "can't allocate memory", "DefaultCPUAllocator", "ALLOC_FAILED")
    return isinstance(exc, RuntimeError) and any(sign in told for sign in signs)


def release() -> None:
    """Gives back what a try that ran out of memory held."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
