"""Example questions for the first screen, by language: their shape and the file that holds them. Must not know an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from chatbot.errors import SettingsError

FILE = "examples.json"
SHOWN = 4

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Examples = dict[Language, Annotated[tuple[Question, ...], Field(max_length=SHOWN)]]

_SHAPE: TypeAdapter[Examples] = TypeAdapter(Examples)


def read_examples(data: Path) -> Examples:
    """Those of the data folder's `examples.json`, none where it has no such file. Raises SettingsError saying what is wrong."""
    path = data / FILE
    if not path.exists():
        return {}
    try:
        return _SHAPE.validate_json(path.read_bytes())
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its content"
        raise SettingsError(f"{path}: {where} does not work: {first['msg']}. Mend it, or remove the file.") from exc
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror}.") from exc
