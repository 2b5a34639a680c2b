"""Words that carry no meaning and endings that lexical search strips, by language; data only."""

from __future__ import annotations

import re

_STOPWORDS = """
en: a an and are as at be been but by can could did do does for from had has have he her his how i if in is it
  its me my no not of on or our she so that the their them then there they this to was we were what when which
  who will with would you your am i'm it's i've please just also any some
de: der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren ich du er sie es
  wir ihr mich mir mein meine meinen meiner sich zu zum zur in im an am auf aus bei mit nach von vom vor für
  nicht auch noch nur dass wie was wer wo wenn als habe hat haben hatte kann können wird werden bitte
  welche welcher welches welchen welchem etwas viel viele wieviel mal man euch eure euer euren eurer muss müssen möchte will
  soll sollte könnte darf dürfen würde gibt gibts denn schon doch da dann hier jetzt ob um so gerne hallo
fr: le la les l un une des du de d et ou mais est sont était je j tu il elle nous vous ils elles me m mon ma mes
  se s sa son ses ce c cette ces à a au aux en dans pour par sur avec sans pas ne n que qu qui quoi est-ce y ai
  avez être avoir bien plus votre vos combien quand où comment quel quelle quels quelles puis peut peux pouvez puis-je peut-on
  veux voudrais faut faire fait si très aussi donc notre nos on ça cela celui bonjour svp
es: el la los las un una unos unas de del y o pero es son era yo tú él ella nosotros usted ustedes me mi mis se
  su sus lo le les a al en para por con sin no que qué quien cómo como si ya he ha han hay está están ser estar
  más este esta esto
pt: o a os as um uma de do da dos das e ou mas é são era eu tu ele ela nós você vocês me meu minha se seu sua no
  na nos nas em para por com sem não que quem como mais já foi está este esta isto ao à
nl: de het een en of maar is zijn was ik je jij u hij zij ze we wij mij me mijn in op aan van voor met naar bij
  om te niet ook nog dat die dit deze wat wie hoe als heb heeft hebben kan worden er
zh: 的 了 是 我 你 您 他 她 它 们 在 有 和 也 就 都 吗 呢 吧 啊 请 请问 这 那 个 一个 我们 你们 可以 什么 怎么
"""
# Longest first: the first one that fits is cut off.
_ENDINGS = """
en: ings ing ies ied 's ’s es ed ly s e y
de: erinnen ungen ung ern em en er es e n s t
fr: ements ations ement ation aient ées ait és ée er ez es é e s x
es: aciones amente ación mente iendo ando adas ados ada ado es as os ar er ir a o e s
pt: ações mente ação ando endo adas ados ada ado es as os ar er ir a o e s
nl: ingen ing en er e s t
"""


def _by_language(block: str) -> dict[str, list[str]]:
    heads = re.split(r"^(\w+): ", block, flags=re.MULTILINE)[1:]
    return {language: heads[at + 1].split() for at, language in enumerate(heads) if at % 2 == 0}


STOPWORDS = {language: frozenset(words) for language, words in _by_language(_STOPWORDS).items()}
ENDINGS = _by_language(_ENDINGS)
