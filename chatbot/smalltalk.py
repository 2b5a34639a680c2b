"""Recognises turns that need no precedent: greetings, thanks, goodbyes, a wish for a person. Pure patterns, no models."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Intent(StrEnum):
    """What a customer's turn wants when it wants no knowledge."""

    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    ACKNOWLEDGE = "acknowledge"
    ARE_YOU_A_BOT = "are_you_a_bot"
    PERSON = "person"
    UNCLEAR = "unclear"


# Messages made of nothing but such words, in any order; of several kinds the strongest names the turn.
_WORDS: dict[Intent, str] = {
    Intent.GREETING: r"hi+|hey+|hello+|hallo|hola|bonjour|salut|coucou|servus|moin|yo|good (?:morning|afternoon|evening|day)|"
    r"guten (?:morgen|tag|abend)|grüß gott|gruss gott|buenos d[ií]as|buenas(?: tardes| noches)?|bonsoir|你好|您好|嗨|哈喽|早上好|下午好|晚上好|"
    r"在吗|在么|有人吗|how are you(?: doing)?(?: today)?|wie geht(?: es|'s|s)?(?: ihnen| dir)?|qué tal|que tal|ça va|ca va|"
    r"nice to meet you|how'?s it going|what'?s up|sup|(?:i )?hope you(?: are|'re) (?:well|fine|doing (?:well|good|ok|great))|hope all is well|(?:is )?any(?:one|body) (?:here|there)|"
    r"wer da|jemand da|hay alguien|il y a quelqu'un|comment (?:ça va|allez-vous|vas-tu)|cómo est[aá]s?|como est[aá]s?|alles gut|wie läuft'?s|hoi|ciao|olá|ola",
    Intent.THANKS: r"thanks?(?: you)?(?: (?:so|very) much| a lot| a million)?|thank you(?: (?:so|very) much)?|thx|ty|cheers|"
    r"(?:vielen |besten |herzlichen )?dank(?:e(?: schön| sehr)?)?|(?:muchas |mil )?gracias|merci(?: beaucoup| bien)?|谢谢(?:你|您|啦)?|"
    r"多谢|感谢|非常感谢|that helps?(?: a lot)?|that helped|das hilft(?: mir)?|super|perfect|perfekt|perfecto|parfait|great|awesome|"
    r"(?:that|this)(?: i|')s (?:just |exactly |precisely )?what i (?:wanted|needed)(?: to know)?|(?:genau )?das wollte ich wissen|"
    r"(?:eso )?es (?:justo )?lo que quería saber|c'est (?:exactement |justement )?ce que je voulais savoir|这(?:正|就)?是我想知道的|"
    r"(?:that|this) (?:answers|answered|solves|solved|fixes|fixed) (?:it|my (?:question|problem|issue))|(?:you(?:'ve| have) been|that was|very|so|really) helpful|"
    r"(?:i |really |much )*appreciate(?:d)?(?: it| that| your help| the help)?|good (?:bot|job|answer)|well done|lovely|brilliant|wonderful|nice one|great help|muchísimas gracias|mil gracias|muy amable|"
    r"vielen lieben dank|danke dir|danke ihnen|dankeschön|besten dank|merci bien|merci à vous|c'est gentil|très bien|非常好|谢了|辛苦了|太感谢了|"
    r"genial|excellent|wunderbar|toll|太好了|你真好",
    Intent.GOODBYE: r"bye+(?: bye)?|goodbye|good bye|see (?:you|ya)(?: later)?|tsch[üu]ss|auf wiedersehen|ciao|adi[óo]s|hasta luego|"
    r"hasta pronto|au revoir|à bientôt|a bientot|bonne journée|bonne soirée|再见|拜拜|have a (?:nice|good|great) (?:day|one|evening|weekend)|"
    r"schönen (?:tag|abend)(?: noch)?|schönes wochenende|alles gute|bis bald|bis dann|que tenga (?:un )?buen d[ií]a|buen d[ií]a|nos vemos|bonne journée|bonne fin de journée|take care|good ?night|"
    r"that(?:'?s| is) all i (?:needed|wanted)(?: to know)?|i'?m (?:good|done|all set)|nothing (?:more|else)|no more questions|祝(?:您|你)(?:愉快|生活愉快)|晚安|that'?s all|that is all|das war'?s|das wars|es todo|eso es todo|c'est tout|没有了|没事了",
    Intent.ACKNOWLEDGE: r"ok(?:ay)?|k|alright|all right|got it|i see|understood|sure|fine|cool|yes|yep|yeah|no|nope|nothing else|good|nice|"
    r"in ordnung|verstanden|alles klar|gut|ja|nein|vale|de acuerdo|entendido|s[ií]|bien|d'accord|entendu|compris|oui|non|"
    r"好的?|好吧|嗯+|行|明白了?|知道了|了解|是的?|不是|不用了?",
}
_FILL = (
    r"mate|pal|buddy|bro|man|friend|lot|bunch|a|the|to|my|me|it|you|your|just|really|well|oh|ah|lol|haha+|hehe|bot|for that|for this|for now|today|there|all|everyone|team|again|and|so|very|much|for (?:your|the) help|everybody|zusammen|noch|sehr|mal|und|y|et|a todos|"
    r"por (?:su|tu) ayuda|pour votre aide|für (?:die|ihre) hilfe|à tous|de|mein|lieber|liebes|dear|folks|guys|sir|madam|then|"
    r"now|that|is|was|very|helpful|啊|呀|啦|哦|呢|了|的"
)
_STRONGEST_FIRST = (Intent.GOODBYE, Intent.THANKS, Intent.ACKNOWLEDGE, Intent.GREETING)

_BOT = re.compile(
    r"^(?:so |and |hi |hey |hello )*(?:who|what) (?:are|r) (?:you|u)\b.{0,12}$|^what can (?:you|u) (?:do|help(?: me)? with)|^what(?:'s| is) your name|^(?:wer|was) (?:bist du|sind sie)\b.{0,8}$|^was kannst du|^was können sie|"
    r"^(?:quién|quien|qué|que) (?:eres|es usted)\b|^qué (?:puedes|puede) hacer|^qui (?:es-tu|êtes-vous|etes-vous)|^(?:que peux-tu|que pouvez-vous) faire|^(?:你|您)(?:是谁|叫什么|能做什么|会什么|可以做什么)|"
    r"(?:are|r) (?:you|u) (?:an? |really |actually )*(?:bot|robot|ai|human|person|machine|real(?: person)?|chatgpt)\b|"
    r"am i (?:talking|speaking|chatting|writing) (?:to|with) (?:an? )?(?:real )?(?:bot|robot|ai|human|person|machine)|is this (?:an? )?(?:bot|robot|ai|human)\b|"
    r"(?:bist du|sind sie) (?:ein |eine )?(?:echter |richtiger )?(?:bot|roboter|ki|mensch|maschine)|"
    r"(?:eres|es usted|es esto) (?:un |una )?(?:bot|robot|ia|humano|persona|máquina)|"
    r"(?:êtes[- ]vous|etes[- ]vous|es[- ]tu|tu es|vous êtes) (?:un |une )?(?:bot|robot|ia|humain|personne|machine)|"
    r"你是(?:不是)?(?:机器人|ai|人工智能|真人|人)|您是(?:不是)?(?:机器人|ai|真人)|是机器人吗",
)
_SOMEONE = r"(?:an? |the |some |your |ein(?:en|em|er)? |una? |une? )?(?:real |live |actual |human |echten? |richtigen? |otra )?"
_PERSON = re.compile(
    r"\b(?:instead of|rather than|not) (?:this |the |a |an )?(?:bot|robot|machine|ai|chatbot)\b|\b(?:someone|somebody|anyone|a (?:real )?(?:person|human|colleague))\b.{0,30}\b(?:call|phone|ring|chat with|talk to|speak to|speak with|contact) me\b|"
    r"\b(?:talk|speak|chat|connect(?: me)?|transfer(?: me)?|switch(?: me)?|put me through|pass me(?: on)?|get me|give me|escalate(?: this| me)?|want|need|"
    rf"like|let me have|call|contact|reach|ask for)\s+(?:to |with |over to |on to )*{_SOMEONE}(?:human|person|agent|someone|somebody|representative|rep|operator|supervisor|"
    r"manager|advis[eo]r|colleague|employee|staff member|human being)\b(?! (?:told|said|who|at|from)|-)|"
    r"\b(?:human|agent|real person|operator|representative|live agent|human agent|live chat)(?:,? please|!*$)|^(?:a )?(?:real )?(?:human|person|agent|operator)(?:,? please)?$|"
    r"\btalk to (?:a )?(?:real )?(?:people|humans)\b|"
    rf"\b(?:mit|zu|an|von)\s+{_SOMEONE}(?:menschen|mitarbeiter(?:in)?|person|kolleg(?:en|in)|berater(?:in)?|jemandem|ansprechpartner)\b[^.?!]{{0,25}}"
    r"\b(?:sprechen|reden|verbinden|verbunden|weiterleiten|weitergeleitet|schreiben|chatten)|^(?:echter |echten )?(?:mensch|mitarbeiter)(?: bitte)?$|"
    r"\bverbinden sie mich|\b(?:menschlichen|echten) (?:mitarbeiter|ansprechpartner|berater|menschen)\b|"
    rf"\b(?:hablar|comunicar(?:me)?|contactar|pasar(?:me)?|páseme|paseme|p[óo]ngame|quiero|necesito)\s+(?:con |a )?{_SOMEONE}(?:persona|humano|agente|"
    r"operador(?:a)?|alguien|asesor(?:a)?|ser humano)\b|^(?:un |una )?(?:humano|agente|persona real)(?: por favor)?$|"
    rf"\b(?:parler|discuter|échanger|passer|passez-moi|transférer|joindre|veux|voudrais|mettre en relation)\s+(?:à |avec |de )*{_SOMEONE}(?:humain|personne|"
    r"conseiller|conseillère|agent|quelqu'un|opérateur|vrai(?:e)? (?:personne|humain))\b|^(?:un )?(?:humain|conseiller)(?: svp| s'il vous plaît)?$|"
    r"(?:转|接|找|要|叫|换)(?:接|到|个|一下)*(?:人工|真人|客服|人)(?:客服|服务)?|^人工(?:客服|服务)?$|真人客服|跟人(?:说|聊|谈)|和真人"
)

_ONE_WORD_HELP = re.compile(
    r"(?:help|hilfe|ayuda|aide|帮助|帮忙|帮我|问题|problem|problems?|problema|problème|question|frage|pregunta|info|support|issue|urgent|please|bitte|por favor|"
    r"s'il vous plaît|what|was|qué|quoi|什么|why|order|bestellung|pedido|commande|订单)(?: me| please| bitte| moi)?"
)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = "".join(" " if unicodedata.category(c)[0] in "SPZC" and c not in "'-" else c for c in folded)
    return " ".join(kept.split()).strip("'- ")


_TOKEN = re.compile(
    "(?:"
    + "|".join(f"(?P<{intent.value}>{words})" for intent, words in _WORDS.items())
    + rf"|{_FILL})(?![a-zà-ÿ'-])\s*"
)
_ONLY_TOKENS = re.compile(rf"(?:(?:{'|'.join(_WORDS.values())}|{_FILL})(?![a-zà-ÿ'-])\s*)+")


def recognise(text: str) -> Intent | None:
    """The turn's intent, or None when it asks for something (and so for a precedent)."""
    plain = _plain(text)
    if not plain or _ONE_WORD_HELP.fullmatch(plain) or not any(c.isalpha() for c in plain):
        return Intent.UNCLEAR
    if _PERSON.search(plain):
        return Intent.PERSON
    if _BOT.search(plain):
        return Intent.ARE_YOU_A_BOT
    if len(plain) <= 80 and _ONLY_TOKENS.fullmatch(plain):
        said = {match.lastgroup for match in _TOKEN.finditer(plain)}
        return next((intent for intent in _STRONGEST_FIRST if intent.value in said), None)
    return None
