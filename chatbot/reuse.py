"""Which sentences of a past answer still hold for another customer. Pure patterns; must not know models or the index.

An agent's turn mixes what is true for everybody ("a return label costs 4.90 EUR") with what was true once ("I've refunded
you", "it was delivered last Thursday"). Only the first may be said again.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DONE_EN = (
    r"sent|refunded|cancelled|canceled|checked|asked|added|issued|arranged|opened|started|changed|updated|booked|flagged|forwarded|passed|noted|looked|"
    r"created|extended|reset|unlocked|emailed|mailed|put|made|filed|raised|reported|registered|ordered|moved|found|removed|corrected|attached|queued|"
    r"prepared|told|credited|marked|logged|left|given|set|resent|escalated|applied|deleted|merged|contacted|spoken|received|got|seen|swapped|requested"
)
_ONCE = {
    "en": re.compile(
        rf"\b(?:i|we)(?:'ve| have| had)(?: just| now| already| also)* (?:{_DONE_EN})\b|\bi(?:'m| am) (?:sending|refunding|cancelling|checking|passing|opening|"
        r"looking|sorry you|escalating|transferring|asking|adding|issuing|connecting|going to|happy to (?:say|see)|afraid (?:it|your))\b|"
        r"\bi (?:just )?(?:can )?(?:see|found|checked|refunded|sent|cancelled|added|asked|spoke|looked|notice|changed|opened|reset|unlocked|understand|put)\b|"
        r"\bi'll\b|\bi will\b|\blet me\b|\bi'd like to (?:check|see)\b|\bi (?:do )?apologi[sz]e\b|\bmy (?:supervisor|colleague|mistake|bad|apologies)\b|"
        r"\byour (?:order|parcel|refund|payment|package|replacement|account|ticket|case|claim|request|tent|jacket|item)s? (?:was|were|has|have|had|left|arrived|"
        r"shipped|went|got|shows|is (?:on|in|at|now|still|being|already|currently|out|locked|marked|packed|going|with|stuck))\b|"
        r"\b(?:it|they|that|this) (?:was|were|left|arrived|went|got) (?!only|because)|\b(?:yesterday|today|tonight|tomorrow|this (?:morning|afternoon|evening|week)|"
        r"last (?:week|night|month|\w+day)|next \w+day|(?:on|until|by|since|from) (?:mon|tues|wednes|thurs|fri|satur|sun)day|just now|right now|a moment ago)\b|"
        r"^(?:done|good luck|perfect|great|lovely|exactly|correct|sure|oh no|ouch|yikes|nice|ah|oh|congratulations|no worries|no problem|you're (?:all set|just in time|"
        r"welcome|right)|glad|enjoy|sounds good|fair|of course|absolutely|that's (?:right|odd|strange|great|good)|thanks?|thank you|sorry|shame|apologies|happy)\b[^.!?,:;]{0,60}[!.?]*$|"
        r"\b(?:can|could|may|would|will) you (?:please )?(?:tell|send|give|share|confirm|let me|check|try|describe|upload|attach|reply)\b.*\?|"
        r"\b(?:what|which) (?:is|was|are) (?:your|the (?:order|e-?mail|name))\b.*\?|\bdo you (?:have|see|still|remember|know)\b.*\?|\bdid (?:you|the|it|that)\b.*\?|"
        r"\byou (?:ordered|bought|paid|said|wrote|chose|used|were|mentioned|told)\b|\banything else\b|\bin your case\b|\bfor you\b(?! to)"
    ),
    "de": re.compile(
        r"\b(?:ich|wir) habe?n?(?: \w+){0,8} (?:ge\w+t|ge\w+en|ver\w+t|ver\w+en|er\w+t|be\w+t|an\w+t|\w+iert|storniert|erstattet)\b|\bhabe ich\b|"
        r"\bich (?:sehe|schaue|prüfe|sende|schicke|leite|werde|verstehe|storniere|erstatte|lege|gebe|frage|verbinde)\b|\bihre (?:bestellung|sendung|erstattung|zahlung) "
        r"(?:wurde|ist|war|hat|liegt|ging)\b|\bihr (?:paket|konto|auftrag) (?:wurde|ist|war|hat|liegt|ging)\b|\b(?:gestern|heute|morgen|letzte[nr]? \w+|nächste[nr]? \w+|soeben|gerade eben|"
        r"am (?:mon|diens|donners|frei|sams|sonn)tag|am mittwoch)\b|^(?:gern|gerne|gern geschehen|erledigt|perfekt|super|schade|danke|vielen dank|oh|oje|"
        r"das tut mir leid|es tut mir leid|entschuldigung|kein problem|alles klar|viel spaß|schön|stimmt)\b[^.!?,:;]{0,60}[!.?]*$|\btut mir (?:sehr )?leid\b|"
        r"\b(?:können|könnten|würden|haben) sie\b.*\?|\b(?:wie lautet|welche bestellnummer|nennen sie mir)\b|\bnoch etwas\b|\bfür sie (?:veranlasst|storniert|geprüft)"
    ),
    "es": re.compile(
        r"\b(?:he|hemos) (?:\w+ )?\w+(?:ado|ido|to|cho|sto)\b|\b(?:estoy|voy a|veo|le envío|le mando|reviso|entiendo|lamento|siento|consulto|déjeme|permítame)\b|"
        r"\bsu (?:pedido|paquete|reembolso|pago|cuenta) (?:fue|ha|está|estaba|salió|llegó|figura|aparece)\b|\b(?:ayer|hoy|mañana|esta (?:mañana|tarde|semana)|la semana pasada|el (?:lunes|martes|"
        r"miércoles|jueves|viernes|sábado|domingo))\b(?! y)|^(?:hecho|perfecto|genial|listo|claro|gracias|de nada|vaya|por supuesto|disculpe|perdón|qué pena|un placer)\b[^.!?,:;]{0,60}[!.?]*$|"
        r"¿(?:puede|podría|me (?:da|dice|indica|confirma)|cuál es|tiene|ha)\b.*\?|\balgo más\b|\blo siento\b"
    ),
    "fr": re.compile(
        r"\b(?:j'ai|nous avons|je viens de|on a) (?:\w+ )?\w+(?:é|i|u|is|it|ée|és)\b|\bje (?:vois|vérifie|regarde|vous envoie|vous transfère|vais|comprends|suis désolée?|vous prie|consulte|"
        r"transmets|rembourse|lance)\b|\bvotre (?:commande|colis|remboursement|paiement|compte) (?:a|est (?:parti|en|bloqué|arrivé|déjà)|était|figure)\b|\b(?:hier|aujourd'hui|demain|ce (?:matin|soir)|cette semaine|"
        r"la semaine dernière|(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) (?:dernier|prochain))\b|^(?:c'est fait|parfait|super|merci|avec plaisir|je vous en prie|désolée?|bien sûr|"
        r"pas de souci|oh|aïe|mince|excellent)\b[^.!?,:;]{0,60}[!.?]*$|\b(?:pouvez|pourriez|avez)[- ]vous\b.*\?|\bautre chose\b|\bnavrée?\b"
    ),
    "zh": re.compile(
        r"我(?:已经|刚刚|刚|马上|这就|这边|来|会|先|帮您|给您|为您|看到|查到|查了)|已(?:经)?为您|已(?:经)?帮您|您的(?:订单|包裹|退款|账户|款项)(?:已|在|昨|今|目前|显示|正|被)|昨天|今天(?!起)|明天|刚才|稍等|"
        r"上周|下周[一二三四五六日]|抱歉|不好意思|对不起|请问您的|请提供|能(?:否|不能)?(?:告诉|提供|发)|^(?:好的|没问题|不客气|谢谢|感谢|收到|可以的|是的|太好了)[^，,。]{0,8}[。！!~～]*$|还有(?:其他|什么)"
    ),
}
_BOUNDARY = re.compile(
    r"(?<=[.!?])(?<!\d\.)(?<!\b[Nn]r\.)(?<!\bMr\.)(?<!\bMs\.)(?<!Mrs\.)(?<!\bM\.)(?<!Sra\.)(?<!\bSr\.)(?<!z\.B\.)(?<!e\.g\.)(?<!p\. ej\.)(?=\s+[\"'(¿¡\[]?[A-ZÀ-ÖØ-Þ\d\[¿¡])\s+|(?<=[。！？])|\n+"
)
_MONTH = (
    r"jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|février|mar(?:ch|s|zo)?|märz|apr(?:il)?|abril|avril|may|mai|mayo|june?|juni|junio|juin|july?|juli|julio|juillet|"
    r"aug(?:ust)?|agosto|août|sep(?:t(?:ember)?)?|septiembre|septembre|o[ck]t(?:ober)?|octubre|octobre|nov(?:ember|iembre|embre)?|de[cz](?:ember)?|diciembre|"
    r"décembre|enero|febrero"
)
_CALENDAR_DAY = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th|\.|er)?(?: of| de)? (?:{_MONTH})\b|\b(?:{_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?\b(?! (?:20\d\d|eur))|\d{{1,2}}月\d{{1,2}}[日号]|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day the \d|\bday \d+\b|\b[01]?\d:[0-5]\d:[0-5]\d\b",
    re.I,
)
_FEWEST_WORDS = 5
_PLAIN_ANSWER = re.compile(r"(?:yes|no|sadly not|not yet|ja|nein|sí|oui|non|可以|不可以|不能)\b", re.I)
_YES = re.compile(
    r"^(?:(?:oh |ah |hi[!,.]? |hello[!,.]? )?(?:yes|yep|sure|of course|certainly|absolutely|exactly|correct|that's right|ja|genau|klar|natürlich|aber sicher|s[ií]|claro|por supuesto|"
    r"desde luego|oui|bien sûr|tout à fait|exactement)(?:,? (?:you can|you do|it is|they are|we do|das geht|das können sie|können sie|puede[s]?|lo tiene[s]?|vous pouvez|c'est possible))?"
    r"\s*[,:;!.–-]\s*|(?:可以的?|能的?|是的|当然(?:可以)?|对的?)[，,。！!：:]\s*)",
    re.I,
)
_ACCOUNT_SLOT = re.compile(r"\[(?:ORDER|CARD|IBAN)\]")
_SHORTEST = {"zh": 8}
_SHORTEST_ELSEWHERE = 25
_KEPT = 20_000  # every search asks this of all its hits


def sentences(text: str) -> list[str]:
    """The text cut after sentence ends and line breaks; joined with spaces (nothing in Chinese) they give it back."""
    return [part.strip() for part in _BOUNDARY.split(text) if part and part.strip()]


def holds_for_others(sentence: str, language: str) -> bool:
    """Whether the sentence states something general rather than what was done, seen or asked for one customer."""
    if (
        _ACCOUNT_SLOT.search(sentence)
        or _CALENDAR_DAY.search(sentence)
        or sentence.rstrip("\"')）”").endswith(("?", "？"))
    ):
        return False
    if language != "zh" and len(sentence.split()) < _FEWEST_WORDS and not _PLAIN_ANSWER.match(sentence):
        return False  # "Climb safe!"
    once = _ONCE.get(language)
    return once is None or not once.search(sentence.casefold().replace("’", "'"))


@lru_cache(maxsize=_KEPT)
def _lead_cut(text: str) -> str:
    """The text without a leading "Yes, you can:": that was said of somebody else's case."""
    rest = _YES.sub("", text)
    return rest[:1].upper() + rest[1:] if rest != text and len(rest) >= min(_SHORTEST.values()) else text


def general_part(answer: str, language: str) -> str:
    """The sentences of a past answer that hold for any customer, in order, word for word but for a leading "yes"; empty when
    too little is left.

    Languages without patterns keep the whole answer, as long as it names no order, card or account.
    """
    kept = [sentence for sentence in sentences(answer) if holds_for_others(sentence, language)]
    text = _lead_cut(("" if language == "zh" else " ").join(kept))
    return text if len(text) >= _SHORTEST.get(language, _SHORTEST_ELSEWHERE) else ""
