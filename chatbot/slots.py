"""Fills the typed placeholders of a past answer for today's customer, or words them away. Pure; must not know models."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chatbot.phrases import phrase

_SLOT = re.compile(r"\[(EMAIL|PHONE|CARD|IBAN|ORDER|NAME)\]")
_GREETED = re.compile(
    r"^(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|liebe[r]?|sehr geehrte[r]?|hola|buenos días|buenas tardes|"
    r"estimad[oa]|bonjour|bonsoir|cher|chère|您好|你好)[ ,，]*)?(?:(?:mr|mrs|ms|herr|frau|señora?|sr|sra|monsieur|madame|m|mme)\.? )?\[NAME\]\s*(?:先生|女士|小姐|"
    r"您好|你好)*[\s,!.:;，！。：]*",
    re.I,
)
_APPENDED = re.compile(
    r"\s*[,，]\s*(?:(?:mr|mrs|ms|herr|frau|señora?|monsieur|madame)\.? )?\[NAME\](?=\s*[.!?,;:。！？，]|\s*$)", re.I
)
_NOUN = {
    "en": (
        r"(?:your|the|this)\s+",
        r"(?:order|parcel|package|e-?mail(?: address)?|card|account|phone)(?: number| ID| no\.?)?",
    ),
    "de": (
        r"(?:ihre[rn]?|die|diese[rn]?|der)\s+",
        r"(?:bestellung|bestellnummer|sendung|e-?mail(?:-adresse)?|karte|konto)(?:\s*nr\.?)?",
    ),
    "es": (r"(?:su|el|este|tu)\s+", r"(?:pedido|paquete|correo(?: electrónico)?|tarjeta|cuenta)(?: número| n\.?º)?"),
    "fr": (r"(?:votre|la|cette|le)\s+", r"(?:commande|colis|e-?mail|adresse|carte|compte)(?: numéro| n°)?"),
    "zh": (r"(?:您的?|你的?)", r"(?:订单号?|包裹|邮箱|卡|账户)"),
}  # determiner, noun
_WORDED = {
    "ORDER": "your_order",
    "EMAIL": "your_address",
    "PHONE": "your_phone",
    "CARD": "your_card",
    "IBAN": "your_account",
}
_NEVER_REPEATED = frozenset({"CARD", "IBAN"})  # payment data is never shown back in a chat


def fill(answer: str, known: Mapping[str, str], language: str) -> str:
    """The answer with every placeholder gone.

    known: what this customer gave in this conversation, by placeholder type (ORDER, NAME, EMAIL, PHONE). A greeting by an
    unknown name is dropped; other unknown values become words ("your order"), payment data always does.
    """
    if "NAME" not in known:
        answer = _APPENDED.sub("", _GREETED.sub("", answer))
    if language in _NOUN:
        determiner, noun = _NOUN[language]
        for kind in ({match[1] for match in _SLOT.finditer(answer)} & _WORDED.keys()) - known.keys() | _NEVER_REPEATED:
            slot = rf"[\s:#]*(?:\(\s*)?\[{kind}\](?:\s*\))?"
            answer = re.sub(
                rf"({determiner}{noun}){slot}", r"\1", answer, flags=re.I
            )  # "your order [ORDER]" -> "your order"
            answer = re.sub(rf"{noun}{slot}", phrase(_WORDED[kind], language), answer, flags=re.I)
    filled = _SLOT.sub(lambda match: _value(match[1], known, language), answer)
    tidy = re.sub(r"[ \t]{2,}", " ", re.sub(r"\s+([,.!?;:])(?=\s|$)", r"\1", filled)) if language != "fr" else filled
    tidy = tidy.strip()
    return tidy[:1].upper() + tidy[1:]


def _value(kind: str, known: Mapping[str, str], language: str) -> str:
    if kind in known and kind not in _NEVER_REPEATED:
        return known[kind]
    return phrase(_WORDED[kind], language) if kind in _WORDED else ""
