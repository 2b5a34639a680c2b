"""How a customer seems to feel, from the words alone: a small lexicon in five languages. Must not know conversations.

A heuristic for ordering a queue, no measurement of anybody: it knows a few hundred words, negation just before them, raised
voices (capitals, several exclamation marks), and nothing of irony or context. Its output is never shown to customers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.language_words import WORDS

# Strength -2 (anger, threat, despair) to 2 (delight); words that a support desk reads often.
_LEXICON: dict[str, dict[int, str]] = {
    "en": {
        -2: "furious outrageous scam fraud thieves disgusting unacceptable ridiculous worst horrible terrible awful appalling "
        "pathetic lawyer disgrace liars hate incompetent fed-up useless",
        -1: "angry annoyed annoying disappointed disappointing disappointment frustrated frustrating upset unhappy bad poor broken "
        "wrong late never problem problems complaint complain worse slow failed fails rude ignored waste wasted confusing tired "
        "worried sad faulty damaged",
        1: "good nice fine helpful happy glad thanks thank pleased kind quick appreciate works solved ok",
        2: "great excellent perfect wonderful amazing fantastic brilliant love awesome lovely delighted superb",
    },
    "de": {
        -2: "frechheit unverschämt betrug betrüger wütend katastrophe skandal inakzeptabel unmöglich schrecklich furchtbar "
        "anwalt lächerlich miserabel grauenhaft saftladen abzocke unfassbar",
        -1: "ärgerlich verärgert enttäuscht enttäuschend schlecht schlimm kaputt falsch verspätet nie problem probleme beschwerde "
        "unzufrieden leider nervt genervt langsam defekt beschädigt traurig umständlich sauer",
        1: "gut nett hilfreich zufrieden froh danke freundlich schnell klappt gelöst schön gerne",
        2: "super toll perfekt ausgezeichnet hervorragend wunderbar großartig klasse begeistert spitze",
    },
    "es": {
        -2: "estafa fraude ladrones vergüenza inaceptable indignante furioso furiosa pésimo pésima horrible terrible asqueroso "
        "abogado ridículo odio harto harta inútil",
        -1: "enfadado enfadada molesto molesta decepcionado decepcionada decepcionante frustrado frustrada malo mala mal roto rota "
        "tarde nunca problema problemas queja peor lento fallo triste dañado defectuoso",
        1: "bueno buena bien amable útil contento contenta gracias rápido funciona resuelto feliz",
        2: "excelente perfecto perfecta maravilloso maravillosa genial fantástico fantástica increíble encanta estupendo",
    },
    "fr": {
        -2: "arnaque escroquerie voleurs honteux honte inacceptable scandaleux furieux furieuse horrible affreux lamentable avocat "
        "ridicule déteste nul nulle inadmissible catastrophe",
        -1: "énervé énervée agacé agacée déçu déçue décevant frustré frustrée mauvais mauvaise cassé cassée retard jamais problème "
        "problèmes plainte pire lent triste endommagé défectueux mécontent malheureusement",
        1: "bon bonne bien gentil gentille utile content contente merci rapide fonctionne résolu aimable",
        2: "excellent excellente parfait parfaite merveilleux génial géniale formidable super ravi ravie adore",
    },
    "zh": {
        -2: "骗子 诈骗 垃圾 愤怒 气死 投诉 无耻 太差 极差 恶心 律师 忍无可忍 不可接受 太过分",
        -1: "不满 失望 生气 不好 糟糕 问题 坏了 错了 太慢 不行 麻烦 差评 烦 难过 破损 不满意 没人",
        1: "谢谢 感谢 不错 满意 好的 方便 解决了 很好 高兴",
        2: "太好了 非常好 完美 优秀 太棒 很棒 非常满意 喜欢",
    },
}
_NOT = {
    "en": "not no never isn't wasn't don't doesn't didn't can't cannot won't hardly without",
    "de": "nicht kein keine keinen nie niemals ohne kaum",
    "es": "no nunca ni sin tampoco",
    "fr": "pas ne jamais sans aucun aucune n",
}
_VERY = {
    "en": "very so really extremely totally absolutely completely too",
    "de": "sehr so wirklich extrem total absolut völlig echt",
    "es": "muy tan realmente extremadamente totalmente demasiado",
    "fr": "très si vraiment extrêmement totalement trop tellement",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_REACH = 3  # words before a mood word in which a negation turns it
_LOUDER = 1.3


def _table(language: str) -> dict[str, int]:
    return {word: strength for strength, words in _LEXICON[language].items() for word in words.split()}


_TABLES = {language: _table(language) for language in _LEXICON}
_CHINESE = re.compile("|".join(sorted(_TABLES["zh"], key=len, reverse=True)))
_NEGATIONS = {language: frozenset(words.split()) for language, words in _NOT.items()}
_EVERYDAY = {language: frozenset(WORDS[language].split()) for language in _NOT}
_STRONGER = {language: frozenset(words.split()) for language, words in _VERY.items()}


def mood(text: str) -> float:
    """In [-1, 1], 0.0 where nothing tells. Read in the language of which most words are known; ties go to the milder reading."""
    words = [word.replace("’", "'") for word in _WORD.findall(text.lower())]
    readings = [_chinese(text), *(_alphabetic(words, language) for language in _NEGATIONS)]
    most = max(known for known, _ in readings)
    total = min((total for known, total in readings if known == most), key=abs)
    loud = _shouts(text)
    if total == 0:
        return -0.2 if loud else 0.0
    total *= _LOUDER if loud else 1.0
    return round(total / (abs(total) + 1.5), 3)


def _alphabetic(words: Sequence[str], language: str) -> tuple[int, float]:
    """How many words are known as the language's, and the sum of their strengths."""
    table, negations, stronger = _TABLES[language], _NEGATIONS[language], _STRONGER[language]
    known, total = sum(word in table or word in _EVERYDAY[language] for word in words), 0.0
    for place, word in enumerate(words):
        strength = table.get(word)
        if strength is None:
            continue
        before = words[max(0, place - _REACH) : place]
        value = strength * (_LOUDER if before and before[-1] in stronger else 1.0)
        if negations.intersection(before):
            value = -value / 2 if strength > 0 else -value / 4  # "not good" is bad, "not bad" hardly good
        total += value
    return known, total


def _chinese(text: str) -> tuple[int, float]:
    found = _CHINESE.findall(text)
    return len(found), float(sum(_TABLES["zh"][word] for word in found))


def _shouts(text: str) -> bool:
    """Two exclamation marks or more, or half of at least three longer words in capitals."""
    long_words = [word for word in _WORD.findall(text) if len(word) >= 3]
    loud = sum(word.isupper() for word in long_words)
    return text.count("!") + text.count("！") >= 2 or (len(long_words) >= 3 and loud * 2 >= len(long_words))
