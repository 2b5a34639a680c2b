"""Which kind of fact a question wants and which kinds an answer gives: an amount, a time, a weight. Pure patterns, no models.

"How heavy is it?" is not answered by a text without a weight, however much the two have in common.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WANTED: dict[str, dict[str, str]] = {
    "money": {
        "en": r"how much (?!.{0,60}\bweigh)(?:is|are|do|does|did|would|will|for|extra|to )|\bwhat\b.{0,80}\bcosts?\b|"
        r"\b(?:do|does|did|would|will)\b.{0,60}\bcost\b|\bcosts? (?:of|for)\b|"
        r"(?:^|\b(?:what's|what is|what are) )(?:the )?prices?\b|"
        r"^(?:and |so |what about |and what about )*(?:the |its )?price\b|how expensive|what do you want for|"
        r"what (?:do|would|must) i pay|what .{0,25}charge",
        "de": r"\bkostet|\bkosten (?:die|das|der|den|eure|ein|neue|bei|für)|(?:welche[nr]?|was ist der|wie hoch ist der) preis|"
        r"^(?:der )?preis (?:von|vom|für)|wie teuer|wollt ihr für|wie ?viel (?:kost|zahl|euro)|"
        r"(?:wie hoch|welche|was für) .{0,30}(?:gebühr|porto|kosten)",
        "es": r"cu[aá]nto (?:cuesta|vale|cobr|cuestan|valen|es\b|hay que pagar)|qué precio|^precio|cu[aá]l es el precio|"
        r"gastos de",
        "fr": r"combien (?:co[uû]te|ça co[uû]te|est-ce)|co[uû]te combien|quels? (?:est|sont) (?:le|les) (?:prix|tarifs?)|^prix\b|"
        r"à quel prix|frais de",
        "zh": r"多少钱|价格(?:是|多少|怎么)|什么价|价钱|运费",
    },
    "time": {
        "en": r"how long (?:does|do|is|will|until|till?|for|it|can|must|would|before|may|have)|"
        r"how many (?:\w+ )?(?:days|weeks|hours|months|years|minutes)|how (?:fast|quick|soon)",
        "de": r"wie lang|wie viele (?:tage|wochen|stunden|werktage|jahre)|wie schnell",
        "es": r"cu[aá]nto (?:tarda|tiempo|dura)|cu[aá]ntos (?:d[ií]as|años|meses)|cu[aá]ntas (?:semanas|horas)",
        "fr": r"combien de (?:temps|jours|semaines|mois|minutes)",
        "zh": r"多久|多长时间|几天|多少天|几周|几年|几小时",
    },
    "weight": {
        "en": r"how heavy|how light|\bweighs?\b|\bweight\b|in (?:grams|kilos)",
        "de": r"wie schwer|gewicht|wiegt|was wiegen|wie ?viel (?:gramm|kilo)",
        "es": r"cu[aá]nto pesa|\bpeso\b",
        "fr": r"combien pèse|\bpoids\b",
        "zh": r"多重|重量|多少克",
    },
    "temperature": {
        "en": r"temperature|how (?:warm|cold)|degrees",
        "de": r"temperatur|wie (?:warm|kalt)|wie ?viel grad",
        "es": r"temperatura|grados",
        "fr": r"température|degrés",
        "zh": r"温度|多少度|几度",
    },
    "colour": {
        "en": r"(?:what|which) colou?rs?",
        "de": r"welche[nrm]? farbe",
        "es": r"qué color",
        "fr": r"quelles? couleur",
        "zh": r"什么颜色|哪些颜色",
    },
    "size": {
        "en": r"how (?:tall|wide|thick|deep)\b|packed size|\bdimensions\b|\blength of",
        "de": r"packma|abmessung|wie (?:breit|dick|lang) (?:ist|sind)\b"
        r"(?!.{0,40}(?:gültig|dauer|zeit|frist|gesperrt|link|garantie|gutschein|punkte))",
        "es": r"tamaño plegad|\bdimensiones\b|cu[aá]ntos (?:metros|cent[ií]metros)",
        "fr": r"taille pliée|\bdimensions\b|longueur",
        "zh": r"收纳尺寸|多宽|多厚|有多长(?!时间)",
    },
    "volume": {
        "en": r"how many lit(?:re|er)s|\bvolume\b",
        "de": r"wie ?viele? liter|volumen",
        "es": r"cu[aá]ntos litros|\bvolumen\b",
        "fr": r"combien de litres|\bvolume\b",
        "zh": r"多少升|容量",
    },
    "maker": {
        "en": r"\bmanufacturers?\b|who (?:makes|made|manufactures|produces)|"
        r"what (?:brand|make) (?:is|are)|which (?:brand|company) (?:is|are|makes)",
        "de": r"\bhersteller|\bwer (?:hat|stellt|produziert|fertigt)\b.{0,60}\b(?:her(?:gestellt)?|produziert|gefertigt)\b|"
        r"welche marke (?:ist|hat|haben|sind)",
        "es": r"\bfabricantes?\b|qui[eé]n (?:fabrica|hace)|qué marca (?:es|son|tiene|lleva)",
        "fr": r"\bfabricants?\b|qui fabrique|quelle (?:est la )?marque (?:est|de|du|a)",
        "zh": r"制造商|生产商|厂家|厂商|谁(?:生产|制造)|什么牌子",
    },
    "carrier": {
        "en": r"(?:which|what) (?:courier|carrier|parcel service|delivery (?:company|firm|service))|"
        r"who (?:delivers|ships|brings) (?:it|my|the|your)",
        "de": r"welche[rnms]? (?:paket|versand|liefer|zustell)\w*dienst|"
        r"welche[rnms]? (?:spedition|dienstleister)|mit wem (?:versend|verschick)",
        "es": r"(?:qué|cu[aá]l) (?:\w+ )?(?:transportista|mensajer[ií]a|empresa de (?:transporte|mensajer[ií]a|reparto))",
        "fr": r"quels? (?:transporteur|livreur|service de livraison)|qui (?:livre|assure la livraison)",
        "zh": r"(?:什么|哪家|哪个)(?:快递|物流)",
    },
    "contact": {
        "en": r"(?:your|the|which|what) (?:\w+ )?(?:e-?mail|phone|telephone)|e-?mail address of|phone number",
        "de": r"mail-?adresse|telefonnummer|eure (?:e-?)?mail",
        "es": r"correo de contacto|vuestro correo|tel[eé]fono",
        "fr": r"votre (?:adresse e-?mail|e-?mail|mail|numéro|téléphone)",
        "zh": r"邮箱是|电话是|电话多少|电话号码",
    },
}
_UNITS_OF_TIME = (
    r"h|min|minuten|days?|hours?|minutes?|weeks?|months?|years?|tage?|tagen|stunden?|wochen?|monate?n?|jahre?n?|d[ií]as?|horas?|minutos|"
    r"semanas?|mes|meses|"
    r"años?|jours?|heures?|semaines?|mois|ans?|working|business|werktage?n?|arbeitstage?n?|laborables|ouvrés|ouvrables|天|小时|周|个?月|年|个?工作日|分钟|点"
)
_TOLD = {
    "money": r"\d\s*(?:eur|€|欧元|usd|\$|gbp|£|chf)|(?:eur|€|\$|£)\s*\d|\bfree\b|kostenlos|kostenfrei|gratis|gratuit|offert|"
    r"免费|包邮|no charge|costs? (?:you )?nothing",
    "time": rf"\d\s*-?(?:{_UNITS_OF_TIME})(?![a-zà-ÿ])|\d\d:\d\d|same day|next (?:working )?day|nächsten? (?:werk)?tag|"
    r"siguiente|lendemain|当天|any time|jederzeit",
    "weight": r"\d\s*(?:kg|g|grams?|gramm|kilos?|公斤|千克|克)(?![a-zà-ÿ])",
    "temperature": r"\d\s*°?\s*(?:c|f|grad|grados|degrés|degrees|摄氏度|度)(?![a-zà-ÿ])",
    "colour": r"\b(?:red|blue|green|black|white|gr[ea]y|yellow|orange|purple|pink|brown|rot|blau|grün|schwarz|weiß|"
    r"grau|gelb|lila|rojo|azul|verde|negro|"
    r"blanco|gris|rouge|bleu|vert|noir|blanc)\b|[红蓝绿黑白灰紫黄]",
    "size": r"\d\s*(?:mm|cm|m|met(?:re|er)s?|metern?|zentimeter|metros?|cent[ií]metros?|mètres?|毫米|厘米|米)(?![a-zà-ÿ])",
    "volume": r"\d\s*(?:l|ml|lit(?:re|er)s?|litern?|litros?|升|毫升)(?![a-zà-ÿ])",
    "maker": r"\b(?:made|manufactured|produced|sewn|supplied) (?:by|for|in|at)\b|\bmanufacturers?\b|\bsuppliers?\b|"
    r"\bbrands? (?:is|are|we)\b|"
    r"hersteller|hergestellt|gefertigt|zulieferer|die marken? (?:ist|sind|heißt)|fabri(?:qué|cant|cad|cante)|fournisseur|"
    r"proveedor|la marque est|la marca es|生产|制造|厂|供应商",
    "carrier": r"\b(?:DHL|UPS|GLS|DPD|Hermes|FedEx|TNT|PostNL|bpost|Correos|SEUR|MRW|"
    r"Colissimo|Chronopost|Mondial Relay|Royal Mail|Evri|La Poste|(?:deutsche|österreichische|schweizerische) post)\b|"
    r"(?:courier|carrier|transportista|transporteur|paketdienst) (?:is|ist|es|est)\b|顺丰|邮政|圆通|中通",
    "contact": r"@|\+\d\d|\[EMAIL\]|\[PHONE\]",
}
_ASKS = {
    kind: {language: re.compile(pattern, re.I) for language, pattern in by.items()} for kind, by in _WANTED.items()
}
_TELLS = {kind: re.compile(pattern, re.I) for kind, pattern in _TOLD.items()}


@lru_cache(maxsize=1_000)
def wanted(question: str, language: str) -> frozenset[str]:
    """The kinds of fact that a question asks for by name; none in a language without patterns."""
    return frozenset(
        kind for kind, by in _ASKS.items() if (pattern := by.get(language)) is not None and pattern.search(question)
    )


@lru_cache(maxsize=20_000)
def told(answer: str) -> frozenset[str]:
    """The kinds of fact that a text states."""
    return frozenset(kind for kind, pattern in _TELLS.items() if pattern.search(answer))
