"""Word lists for finding names: what is never a name, what stands inside one, and Chinese surnames. Knows no pattern."""

# ruff: noqa: E501 - long patterns and word lists are read whole

from __future__ import annotations

# Words that follow a greeting or "I am" and are no names, in five languages.
NOT_NAMES = frozenset(
    """
    there all everyone everybody team again sir madam ma'am mate folks guys customer support agent service help customers client
    user admin bot assistant system operator desk colleague friend you your yours so for the a an and or but to too of on at in is it its
    i we my our me us this that these those here now then very much again just not no yes ok okay please thanks thank sorry
    hi hello hey dear good morning afternoon evening night day welcome what when where why how who which can could would will may might
    do does did have has had am are was were be been let get got if as with from by about writing contacting trying looking having
    fine great happy glad sure still also only really afraid interested unable able new back done waiting unhappy disappointed
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december english german french spanish chinese dutch european
    herr herrn frau herren damen zusammen leute kunde kundin kundenservice kundendienst nochmal erneut vielmals sehr schön schon wie was wo wann
    warum wer ich wir sie du ihr ihre ihrer ihnen mein meine unser unsere der die das den dem ein eine und oder aber für von mit bei zu
    auch noch nur nicht kein ja nein bitte danke gerne leider jetzt heute morgen tag abend montag dienstag mittwoch donnerstag
    freitag samstag sonntag
    monsieur madame mademoiselle messieurs mesdames tous toutes équipe je nous vous votre vos notre nos mon ma mes le la les un une des et
    ou mais pour de du au aux avec en dans par sur ce cette ces que qui quoi comment pourquoi quand oui non merci beaucoup bien client
    cliente désolé désolée très encore ici bonjour bonsoir salut
    señor señora señorita señores equipo todos todas yo nosotros usted ustedes su sus mi mis tu el los las uno una unos y o pero para por
    con sin en del al este esta que quien cómo como cuándo dónde muchas mucho muy gracias sí si no hola buenos buenas días tardes noches
    estimado estimada cliente clienta también aún
    order parcel package delivery refund return invoice account bestellung paket rechnung commande colis pedido paquete
    mr mrs ms miss dr prof sr sra email e-mail phone address reaching patience waiting understanding confirming info information
    soon later regards best kind warm cheers name
    """.split()  # noqa: SIM905 - a list of this length is read better as words
)

# Small words inside a name.
PARTICLES = frozenset("van der den de von zu zum del la di da dos le el al bin ten ter y".split())  # noqa: SIM905

# The 150 most common Chinese surnames and the usual double ones.
SURNAMES_ZH = (
    "欧阳|司马|上官|诸葛|司徒|"
    "[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段漕钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕"
    "聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍覃霍翁隋植甘景薄单包司柏宁柯阮桂]"
)
