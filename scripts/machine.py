"""The machine that a benchmark ran on, in words, and who sits at it; knows nothing of what is measured."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import subprocess
from pathlib import Path


def machine() -> str:
    """CPU model, cores this process may use, whether the CPU multiplies bf16 in hardware, and the GPUs by the driver's names."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    facts = dict(line.partition(":")[::2] for line in text.splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    flags = named.get("flags", "").split()
    bf16 = "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "no bf16"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    told = f"{named.get('model name') or platform.processor() or platform.machine()}, {cores} cores, {bf16}"
    return ", ".join([told, *_gpus()])


def _gpus() -> list[str]:
    """As `nvidia-smi` lists them; none where the driver's tool is absent or fails."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        line = [tool, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - the driver's tool
    except (OSError, subprocess.SubprocessError):
        return []
    return [name.strip() for name in done.stdout.splitlines() if name.strip()]


def user() -> str:
    """Who types, for histories."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
