"""What the team's pages are made of: collaborators that arrive ready. Must not build any."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.settings import Settings
from storage.opening import Store
from ui.events import EventHub
from ui.parts import Turns
from ui.staff.gate import Gate


@dataclass(frozen=True)
class StaffParts:
    """The collaborators of all team routes; one a process. static: the address of our static files, with their version."""

    settings: Settings
    store: Store
    manager: Turns
    hub: EventHub
    gate: Gate
    static: str
