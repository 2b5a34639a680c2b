"""Personal data in text: found, typed, replaced by placeholders. Knows no transcript format and no store."""

from chatbot.privacy.masker import Masker
from chatbot.privacy.spans import Span

__all__ = ["Masker", "Span"]
