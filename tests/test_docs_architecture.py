"""The map of the house names every room: a module that docs/architecture.md does not name fails the build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
WITHOUT_A_NAME = {"__init__", "__main__"}


def named() -> set[str]:
    """Every word in code marks of the section that lists the folders."""
    text = (HOUSE / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("\n## Folders\n")[2].partition("\n## Layers\n")[0]
    plain = re.sub(r"```.*?```", "", section, flags=re.DOTALL)
    return {word for marked in re.findall(r"`([^`]+)`", plain) for word in re.findall(r"\w+", marked)}


@pytest.mark.parametrize("folder", ["chatbot", "storage", "ui", "scripts"])
def test_every_module_is_on_the_map(folder: str) -> None:
    modules = {path.stem for path in (HOUSE / folder).rglob("*.py")} - WITHOUT_A_NAME
    assert modules
    assert sorted(modules - named()) == []
