"""Letters, scripts and frequencies of languages, from general knowledge; pure data, must know no library."""

from __future__ import annotations

# Letters beyond a-z that a language's own words use; a letter outside the row speaks against that language.
LETTERS: dict[str, str] = {
    "en": "éï",
    "id": "é",
    "ms": "é",
    "tl": "ñ",
    "sw": "",
    "so": "",
    "de": "äöüß",
    "nl": "éëïèöüáó",
    "af": "êëéèîïôû",
    "sv": "åäöé",
    "fi": "äöå",
    "et": "äöüõšž",
    "da": "æøåé",
    "no": "æøåéòôó",
    "is": "áðéíóúýþæö",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "es": "áéíñóúü",
    "pt": "ãáàâçéêíóôõúü",
    "it": "àèéìîòóù",
    "ca": "àçéèíïóòúü·",
    "gl": "áéíñóúü",
    "ro": "ăâîșțşţ",
    "pl": "ąćęłńóśźż",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "hr": "čćđšž",
    "bs": "čćđšž",
    "sl": "čšž",
    "hu": "áéíóöőúüű",
    "tr": "çğıöşüâîû",
    "az": "çəğıöşüi̇",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "sq": "çë",
    "cy": "âêîôûŵŷ",
    "eo": "ĉĝĥĵŝŭ",
    "ga": "áéíóú",
    "eu": "ñ",
    "vi": "ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة",
    "fa": "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیءآأؤئ",
    "ur": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیےآؤئۓ",
}

_LATIN = (
    "en de nl af sv fi et da no is fr es pt it ca gl ro pl cs sk hr bs sl sr hu tr az lt lv sq cy eo ga eu vi "
    "id ms tl sw so la mt uz"
)

# The languages that write in a script; where it is one alone, the script decides.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "HANGUL": ("ko",),
    "KANA": ("ja",),
    "HAN": ("zh", "ja"),
    "THAI": ("th",),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "BENGALI": ("bn", "as"),
    "GURMUKHI": ("pa",),
    "GUJARATI": ("gu",),
    "ORIYA": ("or",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "KANNADA": ("kn",),
    "MALAYALAM": ("ml",),
    "SINHALA": ("si",),
    "LAO": ("lo",),
    "MYANMAR": ("my",),
    "GEORGIAN": ("ka",),
    "ARMENIAN": ("hy",),
    "KHMER": ("km",),
    "ETHIOPIC": ("am",),
    "ARABIC": ("ar", "fa", "ur", "ps", "ug"),
    "CYRILLIC": ("ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "mn", "tg", "tt"),
    "LATIN": tuple(_LATIN.split()),
}

# How seldom a support desk on the web meets a language: nats off where no list of allowed languages is given.
# Every other language of SCRIPTS gets UNCOMMON_NATS.
UNCOMMON_NATS = 1.0
RARITY: dict[str, float] = {
    **dict.fromkeys(("en",), 0.0),
    **dict.fromkeys(("zh", "es", "de", "fr", "ja", "pt", "ru", "ar"), 0.3),
    **dict.fromkeys(
        (
            "ko",
            "it",
            "nl",
            "pl",
            "tr",
            "hi",
            "vi",
            "id",
            "uk",
            "sv",
            "el",
            "cs",
            "ro",
            "fa",
            "th",
            "he",
            "da",
            "no",
            "fi",
            "hu",
            "bn",
        ),
        0.6,
    ),
    **dict.fromkeys(
        ("la", "eo", "mt", "so", "ga", "cy", "eu", "gl", "bs", "sq", "uz", "tt", "tg", "ky", "ug", "ps", "as", "af"),
        2.5,
    ),
}

# Characters that only one of the two languages in Han characters writes (reformed shapes, function characters).
CHINESE_ONLY = frozenset(
    "你您她们們这這哪怎么麼吗嗎呢吧啊没沒很给給还還谢謝啥喂嘛哦呀咋俩别爱儿见贝车长门问间闻时书东马鸟鱼风"
    "飞云电发货订单换买卖钱说话请让谁认识讲许记设证评诉词译试该详语误贵费贴贸赔赠赶趣转轻轮软较辆输边达过"
    "运进远连迟适选递邮银错铁键锁镜队阳阴难雨顶项顺须预领题颜额显饭饮馆驱验骑龙个为义习乡亲亿仅从价众优传"
    "伤伪偿储兰关兴养净减凭则创刚务动劳势华协卫厂历压厅县听员响团园围图圆场坏块坚处备复头夺奋妇妈宁实审宽"
    "对导尔尝层岁师帐帮带广应库庆废开异张弹强归录彻态总恶惊愿戏战户扫扩择拥损无术机杀权极构标样树桥检欢欧"
    "毕气汉汤沟济测满灭灵热烦爷现环疗盘码确离种积稳穷竞笔签简类粮纪约级纯纸线练组细终绍经结绝统继续维绿编"
    "网罗联职聊肤脑脸腾艺节药营落虑补规视览觉變說嗨妳唷"
)
JAPANESE_ONLY = frozenset(
    "円込働払様気駅売対応価図発変済歳徳県仏拝沢浜畑桜峠枠匂辻栃栄楽検権歩毎渋渇焼帰従徴恵悪戦択拡挙掲竜粛"
    "経絵継続総緑縁繊聴脳臓蔵覧訳証読転軽辺郷醸釈鉄鉱銭録険隠雑霊頼顕駆騒験髪鶏麺黒黙齢々〆ヶ"
)
