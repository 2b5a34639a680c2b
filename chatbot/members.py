"""Members of closed lists that a question asks for by name: a means of payment, a colour. Pure patterns, no models.

"Can I pay by cheque?" is not answered by a list that does not name cheques, however well both speak of paying: whether the
list was complete is not said.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MEANS = {
    "card": r"(?:credit|debit|bank) ?cards?\b|kreditkarte|ec-?karte|tarjeta (?:de (?:crédito|débito)|bancaria)|"
    r"carte (?:de crédit|bancaire|bleue)|"
    r"信用卡|银行卡",
    "visa": r"\bvisa\b|visa卡?",
    "mastercard": r"master ?card|万事达",
    "amex": r"\bamex\b|american express|运通",
    "paypal": r"pay ?pal|贝宝",
    "ideal": r"\bideal\b",
    "bancontact": r"bancontact",
    "klarna": r"klarna",
    "transfer": r"(?:bank|wire) ?transfers?|überweis|transferencia|virement|转账|汇款",
    "cash": r"\bcash\b|\bbar(?:geld|zahlung)?\b|efectivo|espèces|\bliquide\b|现金",
    "on delivery": r"cash on delivery|nachnahme|contra ?r?reembolso|contre[- ]remboursement|货到付款",
    "cheque": r"\bche(?:que|ck)s?\b|schecks?\b|chèques?\b|支票",
    "crypto": r"bit ?coins?\b|\bethereum\b|krypto|crypto|cripto|比特币|加密货币|虚拟币",
    "apple pay": r"apple ?pay",
    "google pay": r"google ?pay",
    "amazon pay": r"amazon ?pay",
    "alipay": r"alipay|支付宝",
    "wechat": r"wechat|微信",
    "bizum": r"\bbizum\b",
    "instalments": r"instal(?:l)?ments?\b|\braten(?:zahlung)?\b|a plazos|en \w+ plazos|"
    r"(?:plusieurs|trois|quatre|[2-9]) fois\b|分期",
    "sms": r"\b(?:by|per|por|par|via) sms\b",
    "postal order": r"(?:postal|money) orders?\b|giro postal|mandat postal",
}
_CARDS = frozenset({"visa", "mastercard", "amex"})  # whoever names one of them has spoken of cards
_COLOURS = {
    "red": r"\bred\b|\brot(?:e[nrsm]?)?\b|\brojo|\broja|\brouges?\b|红",
    "blue": r"\bblue\b|\bblaue?[nrsm]?\b|\bazul|\bbleue?s?\b|蓝",
    "green": r"\bgreen\b|\bgrüne?[nrsm]?\b|\bverdes?\b|\bverte?s?\b|绿",
    "black": r"\bblack\b|\bschwarz|\bnegr[oa]|\bnoire?s?\b|黑",
    "white": r"\bwhite\b|\bweiß|\bblanc[oa]|\bblanc(?:he)?s?\b|白",
    "grey": r"\bgr[ea]y\b|\bgraue?[nrsm]?\b|\bgris|灰",
    "yellow": r"\byellow\b|\bgelbe?[nrsm]?\b|\bamarill[oa]|\bjaunes?\b|黄",
    "orange": r"\borange\b|\bnaranja|橙",
    "purple": r"\bpurple\b|\bviolet|\blila\b|\bmorad[oa]|紫",
    "pink": r"\bpink\b|\brosa\b|\broses?\b|粉",
    "brown": r"\bbrown\b|\bbraune?[nrsm]?\b|\bmarrón|\bmarrons?\b|棕",
}
_CAN_PAY = {
    "en": r"\b(?:can|could|may)\b.{0,40}\b(?:pay(?! out)|settle|use)\b|\b(?:do|would|will) you\b.{0,20}\b(?:take|accept)\b|"
    r"\b(?:pay(?:ing|ment)?|check ?out) (?:with|by|in|via)\b.{0,40}(?:possible|ok|allowed|work)|"
    r"\bis .{0,40}(?:accepted|possible)\b|"
    r"possible to pay",
    "de": r"\b(?:kann|können|könnte|darf)\b.{0,50}\b(?:be)?zahl|\b(?:nehmt|akzeptiert|nimmt|nehmen) (?:ihr|sie)\b|"
    r"zahl.{0,40}(?:möglich|erlaubt)|"
    r"\bgeht\b.{0,40}zahl",
    "es": r"\b(?:puedo|podemos|puede|posible)\b.{0,20}\bpagar\b|\b(?:aceptáis|aceptan|acepta|admitís|admiten)\b",
    "fr": r"(?:puis-je|peut-on|on peut|je peux|possible de|pouvons-nous)\b.{0,20}\b(?:payer|régler)\b|\b(?:acceptez|prenez)\b",
    "zh": r"支持|接受|(?:可以|能).{0,12}(?:付|转账|刷|(?<!信)用)|能用|收.{0,8}吗",
}  # fmt: skip
_COMES_IN = {
    "en": r"\b(?:come|comes|available|exist|exists|sold|sell|offer|made)\b.{0,30}\b(?:in|as)\b|"
    r"\b(?:is there|are there|do you have|have you got)\b.{0,60}\b(?:in|version)\b|\bis there an?\b",
    "de": r"\b(?:gibt es|gibt's|habt ihr|verkauft ihr)\b",
    "es": r"\b(?:existe|hay|tenéis|tienen|viene|disponible)\b",
    "fr": r"\b(?:existe|avez-vous|disponible|y a-t-il)\b",
    "zh": r"有.{0,12}(?:吗|么|没)",
}
# Money that is paid out or back: what is said of a gift card's balance tells nothing of how to pay.
_PAID_OUT = re.compile(
    r"pa(?:y|id) out|cash(?:ed)? (?:out|in)|redeem|refund|auszahl|ausgezahlt|erstatt|canje|reembols(?!o\b)|saldo|échang|"
    r"rembours(?!ement\b)|solde|兑换|折成|退款|余额"
)
_ENDS = re.compile(r"[.!?。！？\n]")
_ASKED = ((_CAN_PAY, "pay", _MEANS), (_COMES_IN, "colour", _COLOURS))


@lru_cache(maxsize=1_000)
def asked_for(question: str, language: str) -> frozenset[str]:
    """Members that a question asks for by name, as "pay:cheque"; none in a language without patterns."""
    text = question.casefold()
    found: set[str] = set()
    for forms, kind, members in _ASKED:
        if language in forms and re.search(forms[language], text):
            found |= _named(text, kind, members)
    return frozenset(found)


@lru_cache(maxsize=20_000)
def named(answer: str) -> frozenset[str]:
    """Members that a text names, whatever it says of them."""
    text = answer.casefold()
    of_paying = " ".join(part for part in _ENDS.split(text) if not _PAID_OUT.search(part))
    found = _named(of_paying, "pay", _MEANS) | _named(text, "colour", _COLOURS)
    return frozenset(found | {"pay:card"} if any(f"pay:{card}" in found for card in _CARDS) else found)


def _named(text: str, kind: str, members: dict[str, str]) -> set[str]:
    return {f"{kind}:{name}" for name, pattern in members.items() if re.search(pattern, text)}
