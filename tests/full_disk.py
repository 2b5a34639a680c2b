"""A disk that is full under one folder, as `chatbot.room` sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


def full(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing is free in this folder, which is made, and enough elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)

    def usage(place: str | Path) -> object:
        return shutil._ntuple_diskusage(10**12, 10**9, 0 if Path(place).is_relative_to(folder) else 10**12)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", usage)
