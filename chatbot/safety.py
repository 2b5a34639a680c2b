"""Signals of attack in a customer's text: attempts to steer the model, to get at its instructions, or at a database.

Signals steer the policy only. The defence itself is elsewhere: precedents are data, never instructions, and a draft is
checked against its evidence (OWASP Top 10 for LLM applications 2025, LLM01 and LLM07). Must not know models.
"""

from __future__ import annotations

import re
import unicodedata

_PATTERNS: dict[str, re.Pattern[str]] = {
    "override": re.compile(
        r"\bsystem override\b|\bnew instructions\s*:|\byou must (?:now )?(?:obey|comply)\b|\b(?:disable|turn off|remove) (?:your |all |the )?(?:filters?|safety|restrictions|guardrails|rules)\b|"
        r"\b(?:enter|enable|activate|switch to|you are in) (?:admin|debug|maintenance|god|developer|root|unrestricted) ?(?:mode|access)\b|\bsudo\s|\bmodo (?:administrador|desarrollador)\b|\bmode (?:administrateur|développeur)\b|"
        r"\b(?:admin|entwickler|wartungs)-?modus\b|(?:管理员|开发者|调试)模式|"
        r"\bforget\b.{0,20}\b(?:previous|prior|all|your)\b.{0,20}\b(?:instructions?|rules?|prompts?|guidelines?)\b|"
        r"\b(?:ignore|disregard|override|bypass|skip)\b.{0,40}\b(?:previous|prior|above|earlier|all|any|your|the|these|system)\b.{0,30}"
        r"\b(?:instructions?|rules?|prompts?|guidelines?|polic(?:y|ies)|restrictions?|filters?|training|programming)\b|"
        r"\b(?:ignorier\w*|vergiss|missachte)\b.{0,40}\b(?:anweisung\w*|regeln?|vorgaben?|instruktion\w*)|"
        r"\b(?:ignora|olvida|omite)\b.{0,40}\b(?:instrucciones|reglas|indicaciones)|"
        r"\b(?:ignore[zr]?|oublie[zr]?)\b.{0,40}\b(?:instructions|consignes|règles)|(?:忽略|无视|忘记|忘掉|不要理会).{0,12}(?:指令|指示|规则|提示|设定|要求)"
    ),
    "persona": re.compile(
        r"\b(?:you are now|from now on,? you|act as|pretend (?:to be|you are|that you)|roleplay as|role-play as|simulate being|you will be playing|"
        r"respond as|speak as)\b.{0,60}\b(?:dan|jailbroken|unrestricted|unfiltered|without (?:any )?(?:restrictions|rules|filters|limits)|evil|developer mode|"
        r"no (?:restrictions|rules|filters)|hacker|linux terminal|shell|sql|admin(?:istrator)?|root)\b|\bdo anything now\b|\bjailbreak\b|\bdeveloper mode\b|"
        r"\b(?:du bist (?:jetzt|ab jetzt|nun)|eres ahora|ahora eres|tu es maintenant|vous êtes maintenant)\b|(?:你现在是|扮演|假装你是).{0,20}"
    ),
    "disclosure": re.compile(
        r"\b(?:repeat|print|output|copy|translate|summari[sz]e|encode)\b.{0,30}\b(?:everything|words|text|lines|instructions|prompt)\b.{0,20}\b(?:above|before|verbatim|you were given)\b|"
        r"\bwhat (?:were|was|are) you (?:told|instructed|prompted|programmed)\b|\b(?:other|another|previous|last|next|different) (?:customer|client|user|buyer|shopper)s?\b.{0,60}"
        r"\b(?:order(?:ed)?|address|e-?mails?|data|phone|names?|cards?|ask(?:ed)?|bought|details|chats?|conversations?|messages?|wrote|said)\b|"
        r"\b(?:address|e-?mail|phone number|card|orders?|data|details|password)s? of (?:(?:the |an)?other|another|the (?:last|previous)|all|every) (?:customer|client|user)s?\b|"
        r"\blist (?:all|every|me all|the) (?:customers?|users?|e-?mails?|accounts?|orders)\b|\bdump\b.{0,20}\b(?:database|table|users|data)\b|"
        r"\b(?:andere[rnm]?|letzte[rnm]?|vorherige[rnm]?) kund\w*\b.{0,60}\b(?:bestell\w*|adresse\w*|daten|name\w*|gefragt|geschrieben|telefon\w*|e-?mail\w*)|"
        r"\b(?:daten|adresse|bestellung\w*|e-?mail\w*|telefonnummer\w*)\b.{0,30}\b(?:andere[rnm]?|letzte[rnm]?|vorherige[rnm]?|alle[rnm]?) kund\w*|"
        r"\b(?:otros?|último|anterior(?:es)?|todos los) clientes?\b|\b(?:autres?|dernier|précédents?|tous les) clients?\b|(?:其他|别的|上一个|上一位|所有)(?:的)?(?:客户|顾客|用户)|"
        r"\b(?:show|print|reveal|repeat|tell|give|output|display|what (?:is|are)|leak|expose|summari[sz]e)\b.{0,40}\b(?:system prompt|initial prompt|hidden prompt|"
        r"your (?:instructions|prompt|rules|guidelines|configuration)|system message|api keys?|training data|other customers?'?s?|"
        r"(?:customer|user) (?:database|records|list)|internal notes?|everyone'?s|passwords? of)\b|"
        r"\b(?:zeig|nenn|gib|verrate)\w*\b.{0,40}\b(?:system-?prompt|anweisungen|andere[rn]? kunden|interne[n]? notizen)|"
        r"\b(?:muestra|dime|revela|enséñame)\b.{0,40}\b(?:prompt|instrucciones|otros clientes|notas internas)|"
        r"\b(?:montre|donne|révèle|affiche)\w*\b.{0,40}\b(?:prompt|instructions|autres clients|notes internes)|(?:显示|告诉我|输出|透露|泄露).{0,12}(?:系统提示|提示词|指令|其他客户|内部)"
    ),
    "private": re.compile(
        r"\b(?:home|private|personal) (?:address|phone|mobile|number|e-?mail)\b.{0,20}\b(?:of|from) (?!me\b|my\b)|"
        r"\bwhere does (?!(?:my|the|your) (?:parcel|package|order|money|refund))(?:\w+ ){1,4}live\b|"
        r"\b(?:address|number|phone|e-?mails?|name|details)\b.{0,25}\b(?:of|from) (?:your |the |an? )?(?:agent|employee|colleague|customer|client|buyer|everyone|somebody|someone)\b|"
        r"\b(?:customer|client|person|one|everyone|people) who (?:\w+ )?(?:order|bought|purchased)|\bwith (?:somebody|someone) else\b.{0,15}$|"
        r"\bprivate (?:nummer|adresse|telefonnummer|handynummer)\b|\badresse (?:des|der|eines|einer) kund|\bwo wohnt\b|"
        r"\b(?:dirección|direccion|teléfono|telefono|número|correo) (?:del|de la|de un|de una) (?:cliente|clienta|agente|emplead)|\bdónde vive\b|"
        r"\b(?:adresse|téléphone|numéro|e-?mail) (?:du|de la|d'un|d'une) (?:client|cliente|agent|employé)|\bnuméro personnel\b|\boù habite\b|"
        r"(?:客户|顾客|客服\w{0,6}|员工|别人)(?:的)?(?:家庭|住址|住在|电话号码|私人)"
    ),
    # what only a person with access may do: change a balance, a price or a status, or list what belongs to others
    "tampering": re.compile(
        r"^(?:please |just |now |can you |could you )*(?:set|raise|change|increase|lower|put|make|reset) (?:my |the |all )?(?:\w+ ){0,3}"
        r"(?:points?|balance|price|fees?|costs?|total|amount|credit)\b.{0,40}\b(?:to|at) (?:\d|zero|one|the max|max|nothing|a hundred|a thousand)|"
        r"^(?:please |just |now )*(?:set|raise|increase) (?:my )?(?:\w+ ){0,2}(?:points?|balance)\b|"
        r"^(?:please |just |now )*(?:give|add|credit|book|put)\b.{0,30}\b\d{2,}\b.{0,12}\bpoints\b|"
        r"\bmark (?:my |the |this )?(?:order|invoice|return)s? as (?:paid|refunded|delivered|returned|closed)\b|"
        r"\b(?:write off|delete|cancel) (?:my |the )?(?:invoice|debt|balance)s?\b.{0,30}\b(?:in (?:your|the) system|no questions)|"
        r"\bunlock (?:the |a )?(?:staff|employee|admin)\b|"
        r"\b(?:list|show|give|send|tell|read)\b.{0,12}\b(?:all|every|everyone's|everybody's)\b.{0,20}\b(?:gift card|voucher|discount|promo)s?\b.{0,12}\b(?:codes?|numbers?)\b|"
        r"^(?:bitte )?(?:setz|stell|änder|erhöh|buch)e?\b.{0,50}\bauf (?:\d|null|einen? euro|das maximum)|"
        r"^(?:por favor,? )?(?:pon(?:me)?|sube(?:me)?|cambia|marca)\b.{0,50}(?:\b(?:a|en) (?:\d|cero|un euro)|\d{3,} puntos|como (?:reembolsad|pagad))|"
        r"^(?:mets?|passe[zr]?|change[zr]?|marque[zr]?)\b.{0,50}(?:\bà (?:\d|zéro|un euro)|comme (?:remboursée?|payée?))|"
        r"(?:把|将|给).{0,10}(?:积分|价格|运费|余额|账户|账号).{0,6}(?:改成|改为|设成|设为|加到|加|变成).{0,4}(?:\d|零|一百万|最高)"
    ),
    "sql": re.compile(
        r"(?:'|\")\s*(?:or|and)\s+(?:'?\w+'?\s*=\s*'?\w+'?|true)|\bunion\s+(?:all\s+)?select\b|\b(?:drop|truncate|alter)\s+table\b|\bdelete\s+from\s+\w+|"
        r"\bselect\s+(?:\*|\w+(?:\s*,\s*\w+)*)\s+from\s+(?!(?:an?|the|my|your|this|these|our)\b)\w+|\binsert\s+into\s+\w+|\bxp_cmdshell\b|\bwaitfor\s+delay\b|\bsleep\(\d+\)|;\s*--|\binformation_schema\b|"
        r"\bload_file\(|\binto\s+outfile\b|'\s*--\s*$|\bexec(?:ute)?\s*\(|\bpg_sleep\b|\bbenchmark\("
    ),
    "markup": re.compile(
        r"<\s*(?:script|iframe|img|svg|object|embed)\b|javascript:|\bon(?:error|load|click)\s*=|\{\{.{0,60}\}\}|\$\{.{0,60}\}"
    ),
    "special_tokens": re.compile(
        r"<\|(?:im_start|im_end|endoftext|system|user|assistant)\|?>|\[/?(?:inst|system|sys|assistant|admin|developer)\]|</?(?:system|assistant|developer|instructions?)>|<</?sys>>|"
        r"^[\s#*=<>|\[\]_-]*(?:system|assistant|developer)(?: (?:message|prompt|note|update|policy))?[\s#*=<>|\[\]_-]*:|^#+ *(?:instructions?|response)\s*:",
        re.M,
    ),
}
_LONG_ROLE_PLAY = re.compile(r"\b(?:chatgpt|gpt-?4|openai|language model|llm)\b")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def signals(text: str) -> tuple[str, ...]:
    """Names of the kinds of attack that the text shows, in a fixed order; empty for an ordinary message."""
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    flat = " ".join(folded.split()) if "\n" not in folded else folded
    found = [name for name, pattern in _PATTERNS.items() if pattern.search(flat)]
    if len(flat) > 400 and _LONG_ROLE_PLAY.search(flat) and "persona" not in found:
        found.append("persona")
    return tuple(found)
