"""Cuts quoted mail history and signatures off a message, in five languages. Knows no HTML and no vendor."""

# ruff: noqa: E501 - long patterns and word lists are read whole

from __future__ import annotations

import re

# A line, or two (clients wrap them), that introduces the quoted message; everything behind it is history.
_ATTRIBUTION = re.compile(
    r"^[ \t>]*(?:"
    r"On\b[^\n]{4,200}(?:\n[^\n]{0,120})?\bwrote ?:"
    r"|Am\b[^\n]{4,200}(?:\n[^\n]{0,120})?\bschrieb\b[^\n]{0,120}(?:\n[^\n]{0,100})?:[ \t]*$"
    r"|Le\b[^\n]{4,200}(?:\n[^\n]{0,120})?\ba [ée]crit ?:"
    r"|El\b[^\n]{4,200}(?:\n[^\n]{0,120})?\bescribi[óo] ?:"
    r"|(?:在|于)[^\n]{2,200}(?:\n[^\n]{0,120})?(?:写道|寫道) ?[:：]"
    r"|[^\n]{2,120}于[^\n]{4,60}(?:写道|寫道) ?[:：]"
    r"|-{2,} ?(?:Original[- ]?Message|Urspr(?:ü|ue)ngliche Nachricht|Message d['’]origine|Mensaje original|Forwarded message|Weitergeleitete Nachricht|"
    r"Message transf[ée]r[ée]|Mensaje reenviado|原始邮件|转发邮件|原邮件) ?-{2,}"
    r"|(?:From|Von|De|发件人) ?[:：][^\n]{1,200}\n(?:[^\n]{1,200}\n){0,3}?[ \t]*\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Fecha|发送时间|日期|To|An|À|Para|收件人)\*? ?[:：]"
    r"|\*?(?:From|Von|De|发件人)\*? ?[:：]\*?[^\n]{1,200}\n\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Fecha|发送时间)"
    r"|#{2}- ?[^\n]{3,120} ?-#{2}"
    r")",
    re.MULTILINE | re.IGNORECASE,
)
_DELIMITER = re.compile(r"^--[ \t]*$", re.MULTILINE)
_DEVICE = re.compile(
    r"^[ \t]*(?:Sent from my|Sent from (?:Mail|Outlook|Yahoo)|Sent via|Get Outlook for|Von meinem .{1,40} gesendet|Gesendet (?:von|mit)\b|"
    r"Diese Nachricht wurde von mein|Envoy[ée] (?:de mon|depuis)|Envoy[ée] [àa] partir de|T[ée]l[ée]charger Outlook|Enviado desde (?:mi|el)\b|"
    r"Obtener Outlook|发自我的|從我的|来自我的|发送自)[^\n]{0,80}$",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^[ \t]*(?:(?:best|kind|warm|kindest|many|with (?:best|kind))? ?regards|all the best|best wishes|best|cheers|sincerely|yours (?:sincerely|faithfully|truly)|"
    r"(?:mit )?(?:freundlichen?|lieben?|vielen?|beste[nr]?|herzliche[nr]?|sch[öo]nen?) gr(?:ü|ue)(?:ß|ss)en?|mfg|lg|vg|"
    r"(?:bien )?cordialement|bien à vous|salutations|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|此致|祝好|顺祝商祺)"
    r"[ \t]*[,.!，。]?[ \t]*(?:\n+[^\n?]{1,60}){0,4}\s*\Z",
    re.MULTILINE | re.IGNORECASE,
)
_QUOTED = re.compile(r"^[ \t]*>[^\n]*\n?", re.MULTILINE)


def cut_mail(text: str) -> str:
    """The message itself: what stands before the history, without quoted lines, device lines and signature."""
    if len(text) < 8:
        return text
    if match := _ATTRIBUTION.search(text):
        text = text[: match.start()].rstrip("_ \n\t")
    if len(_QUOTED.findall(text)) > 1:
        text = _QUOTED.sub("", text)
    if match := _DELIMITER.search(text):
        text = text[: match.start()]
    for match in _DEVICE.finditer(text):
        behind = text[match.end() :].strip()
        if len(behind) < 200:
            text = text[: match.start()]
            break
    if (match := _CLOSING.search(text)) and text[: match.start()].strip():
        text = text[: match.start()]
    return text.strip()
