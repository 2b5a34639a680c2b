"""One tree of errors, each a sentence that a person can act on. Knows no library: boundaries translate into it."""

from __future__ import annotations


class ChatbotError(Exception):
    """Something that the reader of the message can mend. `str(error)` says what, where and what to do; exit code 1."""

    exit_code = 1


class UsageError(ChatbotError):
    """The caller asked for something that cannot be: a bad value, file or option. Exit code 2, HTTP 4xx."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has a value that cannot work; the message names the setting, its value and what would do."""


class BadInput(UsageError):
    """A customer's or caller's text is not acceptable; nothing was stored."""


class PersonalData(BadInput):
    """What looks like personal data in a text for everybody; the author may confirm that it is the company's own."""


class TooLarge(BadInput):
    """More than the limit; HTTP 413."""


class FormatError(UsageError):
    """A file is not of the format that it claims or of any known one."""


class NotFound(ChatbotError):
    """No such thing, or not the caller's to see (the two are never told apart). Exit code 2, HTTP 404."""

    exit_code = 2


class Conflict(ChatbotError):
    """The same client id with another text, or a state that has moved on; HTTP 409."""


class Busy(ChatbotError):
    """Too much at once; HTTP 429 with Retry-After."""

    def __init__(self, message: str, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StorageError(ChatbotError):
    """The database cannot be reached or written; what was not acknowledged is not saved; HTTP 503."""


class KeyLost(StorageError):
    """A key file of the data folder is missing or damaged; the message names it and what to restore. Exit code 2."""

    exit_code = 2


class IndexBroken(ChatbotError):
    """No index, or one that is broken; the message names the file and the command that mends it."""


class ModelError(ChatbotError):
    """A model is missing, tampered with or not allowed; the message names it and the command that mends it."""


class GenerationError(ChatbotError):
    """The model server failed, refused, or ran out of time; the turn falls back to the precedent."""


class NotSignedIn(ChatbotError):
    """A page or route of the team without a valid session; HTTP 401, and browsers are led to the login page."""


class NotAllowed(ChatbotError):
    """Signed in, but the role does not reach this far; HTTP 403."""
