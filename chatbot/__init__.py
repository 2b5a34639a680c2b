"""The core of Precedent: dialogue, retrieval, generation. Knows no web and no SQL; importing it is instant."""

__version__ = "0.1.0"
