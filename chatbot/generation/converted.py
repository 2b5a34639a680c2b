"""What a model file becomes for an engine, made once in the models folder. Must not know engines or formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from chatbot.generation.catalogue import sha256_of
from chatbot.half_made import CONVERTING, half_made

MARKER = "conversion.json"


def converted(
    source: Path, models_folder: Path, form: str, make: Callable[[Path], None], *, sha256: str | None = None
) -> Path:
    """The folder `<name>-<hash><form>`; `make` fills it on the first call.

    It is renamed into place when complete, its marker written last, so a kill leaves nothing that is trusted. sha256: of the
    source, where it is known already. Raises OSError, and what `make` raises.
    """
    digest = sha256 or sha256_of(source)
    folder = models_folder / f"{source.stem.lower()}-{digest[:12]}{form}"
    if (folder / MARKER).is_file():
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    with half_made(models_folder, CONVERTING) as made:
        make(made)
        (made / MARKER).write_text(json.dumps({"source": source.name, "source_sha256": digest}), encoding="utf-8")
        try:
            made.rename(folder)
        except OSError:
            if not (folder / MARKER).is_file():  # else another process was faster, and its folder is as good
                raise
    return folder
