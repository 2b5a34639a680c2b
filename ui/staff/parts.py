"""What the team's pages are made of: collaborators that arrive ready. Must not build any."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatbot.assembly import Assistant
from chatbot.settings import Settings
from storage.opening import Store
from ui.events import EventHub
from ui.parts import Turns
from ui.presence import Presence
from ui.staff.gate import Gate
from ui.staff.looks import Looks
from ui.staff.signin import SignIn


@dataclass(frozen=True)
class StaffParts:
    """The collaborators of all team routes; one a process. static: the address of our static files, with their version.

    assistant: the working core; None where nothing is answered (tests of pages). presence: who has the desk
    open, shared with the reception. looks: who has been shown what lately, for the audit log.
    """

    settings: Settings
    store: Store
    manager: Turns
    hub: EventHub
    gate: Gate
    static: str
    sign_in: SignIn
    assistant: Assistant | None = None
    presence: Presence = field(default_factory=Presence)
    looks: Looks = field(default_factory=Looks)
