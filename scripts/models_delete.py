"""What stands on a version, so that `chatbot models delete` leaves it."""

from __future__ import annotations

from chatbot.errors import Conflict
from chatbot.learning.encoder_publishing import indexes_of
from chatbot.learning.heads_serving import reading
from chatbot.learning.registry import describe, lies_in
from chatbot.settings import Settings


def check_unneeded(settings: Settings, name: str) -> None:
    """Raises NotFound, and Conflict where an index, heads or a setting need the version; the registry itself looks for versions."""
    describe(settings.models_folder, name)  # only whether it is there: a broken one may go
    if needed := indexes_of(settings, name):
        raise Conflict(
            f"{name} built the index {', '.join(needed)}, which could not be searched without it; build another with "
            "`chatbot index --encoder base --keep 1` first."
        )
    if heads := reading(settings.models_folder, name):
        raise Conflict(
            f"{', '.join(heads)} would read nothing without the encoder {name}; delete that first, and where it is published "
            "fit others with `chatbot finetune --heads` and publish those."
        )
    for setting in ("model", "adapter", "encoder"):
        value = getattr(settings, setting)
        if value is not None and lies_in(str(value), settings.models_folder / name):
            raise Conflict(f"The setting {setting} = {str(value)!r} names {name}; change that first.")
