"""Tables of general grammar knowledge for telling languages apart: everyday words, letters, scripts. Pure data, written by hand;
must know no text of any benchmark and no library."""

from __future__ import annotations

# Small words that hold a sentence together, and what people say to a support desk. Words that several languages share may
# stand in several rows: the more rows, the less a word counts. Spelling without accents is derived, not listed.
WORDS: dict[str, str] = {
    "en": "the a an and or but if of to in on at for from with without is are was were be been am do does did don't have has had "
    "i you he she it we they me him her us them my your his our their this that these those what when where why who how which "
    "not no yes can can't could will won't would should must may might there here please thanks thank hi hello hey sorry just "
    "still any some all more about it's i'm i've that's didn't doesn't isn't order refund return shipping delivery help need want "
    "get got know think like good very too never always because than then only now today back",
    "de": "der die das den dem des ein eine einen einem einer und oder aber wenn dass von zu zum zur im in am an auf für aus mit ohne "
    "ist sind war waren sein bin bist habe hat haben hatte ich du er sie es wir ihr mich dich ihm ihn uns euch mein meine meinen "
    "dein ihre unser nicht kein keine ja nein doch noch schon auch nur sehr kann können könnte will wollen würde soll muss möchte "
    "wird werden wurde was wann wo warum wer wie welche hier bitte danke vielen dank hallo guten tag moin entschuldigung "
    "bestellung lieferung rückgabe paket geld gibt geht bei nach vor über immer nie jetzt heute mir dir fuer moechte koennen "
    "zurueck zurück bekommen etwas alles sich",
    "nl": "de het een en of maar als van te naar in op aan voor uit met zonder is zijn was waren ben bent heb hebt heeft had ik jij je "
    "u hij zij ze wij we jullie mij hem haar ons onze mijn jouw uw dit dat deze die wat wanneer waar waarom wie hoe welke niet "
    "geen ja nee kan kunnen kunt wil willen zou moet mag zal wordt werd worden er hier alsjeblieft alstublieft bedankt dank hallo "
    "hoi goedemorgen goedendag sorry nog al ook maar heel erg bestelling levering pakket retour geld graag gaat doen over bij "
    "nooit altijd nu vandaag iets alles zich terug",
    "sv": "och eller men om att av till från i på för med utan är var vara har hade jag du han hon den det vi ni de mig dig honom "
    "henne oss er dem min mitt mina din ditt hans hennes vår ert deras denna detta dessa vad när var varför vem hur vilken inte "
    "ingen inga ja nej kan kunde vill ville ska skulle måste får blir blev finns här där tack snälla hej hejsan tjena ursäkta "
    "också bara mycket aldrig alltid nu idag beställning leverans paket pengar hjälp ett en någon något sig tillbaka inget",
    "da": "og eller men hvis at af til fra i på for med uden er var være har havde jeg du han hun den det vi i de mig dig ham hende "
    "os jer dem min mit mine din dit hans hendes vores deres denne dette disse hvad hvornår hvor hvorfor hvem hvordan hvilken "
    "ikke ingen ja nej kan kunne vil ville skal skulle må får bliver blev findes her der tak venligst hej undskyld også kun meget "
    "aldrig altid nu dag bestilling levering pakke penge hjælp et en nogen noget sig tilbage",
    "no": "og eller men hvis å av til fra i på for med uten er var være har hadde jeg du han hun den det vi dere de meg deg ham henne "
    "oss dem min mitt mine din ditt hans hennes vår deres denne dette disse hva når hvor hvorfor hvem hvordan hvilken ikke ingen "
    "ja nei kan kunne vil ville skal skulle må får blir ble finnes her der takk vennligst hei unnskyld også bare veldig aldri "
    "alltid nå dag bestilling levering pakke penger hjelp et en ei noen noe seg tilbake ikkje eg",
    "fr": "le la les un une des du de et ou mais si que qui à au aux en dans sur pour par avec sans est sont était être suis es sommes "
    "êtes ai as avons avez ont avait je tu il elle on nous vous ils elles me te se lui leur mon ma mes ton ta tes son sa ses notre "
    "nos votre vos ce cet cette ces ça c'est j'ai n'est d'un quoi quand où pourquoi comment quel quelle ne pas plus jamais rien "
    "oui non peux peut pouvez veux voudrais dois faut fait faire y merci bonjour salut bonsoir coucou désolé svp plaît commande "
    "livraison colis remboursement retour très aussi bien toujours encore déjà maintenant aujourd'hui beaucoup tout quelque",
    "es": "el la los las un una unos y o pero si que de del a al en con sin por para es son era fue ser soy eres somos está están "
    "estoy estaba he ha has han había yo tú él ella nosotros ustedes usted ellos me te se le lo nos les mi mis tu tus su sus "
    "nuestro este esta esto ese esa eso qué cuándo dónde por cómo quién cuál cuánto no sí puedo puede pueden podría quiero quiere "
    "quisiera debo tengo tiene tienen hay hola gracias buenos buenas días favor perdón disculpe pedido envío paquete dinero "
    "devolución muy también más nunca siempre nada todo algo ahora hoy aquí ya todavía porque mucho necesito hacer bien cuando",
    "pt": "o a os as um uma e ou mas se que de do da dos das ao em no na nos nas com sem por pelo pela para é são era foi ser sou és "
    "somos está estão estou estava eu tu ele ela nós vocês você eles me te lhe meu minha meus minhas teu seu sua seus nosso este "
    "esta isto esse essa isso aquele o quê quando onde porque como quem qual quanto não sim posso pode podem poderia quero quer "
    "gostaria devo tenho tem têm há olá oi obrigado obrigada bom boa dia tarde favor desculpe pedido encomenda entrega dinheiro "
    "devolução reembolso muito também mais nunca sempre nada tudo algo agora hoje aqui já ainda preciso fazer bem vou",
    "it": "il lo la i gli le un uno una e o ma se che di del della dei delle dello a al alla ai in nel nella con senza per da dal su "
    "sul è sono era essere sei siamo ho hai ha abbiamo avete hanno aveva io tu lui lei noi voi loro mi ti si ci vi mio mia miei "
    "tuo tua suo sua nostro vostro questo questa quello quella cosa quando dove perché come chi quale quanto non sì no posso può "
    "puoi potete vorrei voglio vuole devo c'è dov'è ciao grazie buongiorno salve scusi scusa prego ordine spedizione pacco soldi "
    "reso rimborso molto anche più mai sempre niente tutto ora oggi qui già ancora bene fare fa sta alle",
    "ca": "el la els les un una i o però si que de del dels a al en amb sense per és són era sóc està estan he ha jo tu ell ella "
    "nosaltres vostè em et es li ens meu meva aquest aquesta això què quan on com qui no sí puc pot vull tinc té hi ha hola "
    "gràcies bon dia adéu comanda molt també més mai sempre res tot ara avui aquí encara només perquè",
    "ro": "un o și sau dar dacă că de din la în pe pentru cu fără este e sunt era fi am ai are avem au eu tu el ea noi voi ei mă te îl "
    "îi ne vă meu mea mei tău lui acest această aceasta ce când unde cum cine care cât nu da pot poate vreau vrea trebuie aș bună "
    "salut mulțumesc mersi rog scuze comanda comandă livrare colet bani retur foarte și mai niciodată mereu nimic tot acum azi "
    "aici încă doar nici să al ale ziua",
    "pl": "i a lub ale jeśli że z ze do od w we na o u po za dla przez bez jest są był była było być jestem mam masz ma mamy ja ty on "
    "ona ono my wy oni mnie mi cię ci go jej mu nas nam was wam ich mój moja moje twój ten ta to tego tej co kiedy gdzie dlaczego "
    "kto jak jaki który ile nie tak mogę może można chcę chce chciałbym muszę proszę dziękuję dzięki dzień dobry cześć hej witam "
    "przepraszam zamówienie zamówienia dostawa paczka zwrot pieniądze bardzo też także tylko nigdy zawsze nic wszystko teraz "
    "dzisiaj tutaj już jeszcze czy się są by",
    "cs": "a i nebo ale jestli že z ze do od v ve na o u po za pro přes bez je jsou byl byla bylo být jsem jsi jsme mám máš má já ty on "
    "ona my vy oni mě mi tě ho jí mu nás nám vás vám jejich můj moje tvůj ten ta to tento co kdy kde proč kdo jak jaký který "
    "kolik ne není ano mohu můžu může chci chce musím prosím děkuji díky dobrý den ahoj omlouvám objednávka zásilka peníze "
    "velmi také taky jen nikdy vždy nic všechno teď dnes tady už ještě se by",
    "sk": "a i alebo ale ak že z zo do od v vo na o u po za pre cez bez je sú bol bola bolo byť som si sme mám máš má ja ty on ona my vy "
    "oni ma mi ťa ho jej mu nás nám vás vám ich môj moja moje tvoj ten tá to tento čo kedy kde prečo kto ako aký ktorý koľko nie "
    "áno môžem môže chcem chce musím prosím ďakujem dobrý deň ahoj prepáčte objednávka zásielka peniaze veľmi tiež len nikdy "
    "vždy nič všetko teraz dnes tu už ešte sa by",
    "hr": "i a ili ali ako da iz do od u na o po za kroz bez je su bio bila bilo biti sam si smo imam imaš ima ja ti on ona mi vi oni "
    "me mi te ga joj mu nas nam vas vam njih moj moja moje tvoj taj ta to ovaj što kada gdje zašto tko kako koji koliko ne nije "
    "nisam mogu može želim hoću moram molim hvala dobar dan bok žao narudžba paket novac vrlo također samo nikad uvijek ništa "
    "sve sada danas ovdje već još se bi li",
    "hu": "a az egy és vagy de ha hogy nem igen van vannak volt voltak lesz én te ő mi ti ők engem téged neki nekem ez ezt azt ezek mi "
    "mit mikor hol miért ki hogyan hány melyik meg is csak nagyon már még soha mindig semmi minden most ma itt ott kérem "
    "köszönöm köszi szia helló jó napot elnézést rendelés csomag pénz szeretnék szeretném akarok tudok lehet kell kellene vissza",
    "fi": "ja tai mutta jos että on ovat oli olivat olla olen olet olemme minä sinä hän me te he minun sinun hänen minua se tämä tuo "
    "nämä mikä mitä milloin missä miksi kuka miten kuinka ei en et eivät kyllä joo voi voin voiko haluan haluaisin pitää kiitos "
    "hei moi terve anteeksi ole hyvä tilaus paketti toimitus rahat myös vain hyvin aina nyt tänään täällä vielä jo kun kuin",
    "tr": "ve veya ama eğer ile için bir bu şu o ben sen biz siz onlar bana sana ona bize benim senin onun bizim ne zaman nerede "
    "nereye neden niye kim nasıl hangi kaç kadar değil yok var hayır evet mi mı mu mü midir çok daha en de da ki gibi şimdi "
    "bugün burada hep asla her şey hiç lütfen teşekkürler teşekkür ederim merhaba selam günaydın pardon özür sipariş siparişim "
    "kargo iade para istiyorum olarak oldu olan",
    "id": "dan atau tetapi tapi jika kalau yang dari ke di pada untuk dengan tanpa adalah ada saya aku kamu anda dia kami kita mereka "
    "ini itu apa apakah kapan mana kenapa mengapa siapa bagaimana berapa tidak bukan tak belum sudah ya bisa dapat mau ingin "
    "harus akan sedang telah terima kasih tolong halo hai selamat pagi siang maaf pesanan barang uang pengiriman sangat juga "
    "hanya selalu semua sekarang hari sini saja lagi banyak nya dimana gimana makasih sebuah seorang orang oleh karena",
    "ms": "dan atau tetapi jika kalau yang dari ke di pada untuk dengan tanpa adalah ada saya aku awak anda dia kami kita mereka ini "
    "itu apa bila mana kenapa mengapa siapa bagaimana berapa tidak bukan tak belum sudah dah ya boleh dapat mahu nak ingin perlu "
    "akan sedang telah terima kasih tolong helo selamat pagi maaf pesanan barang wang penghantaran sangat juga hanya selalu semua "
    "sekarang hari sini sahaja lagi banyak kerana ialah encik cik",
    "vi": "và hoặc nhưng nếu của từ đến ở trong trên cho với không là có đã đang sẽ bị được tôi bạn anh chị em ông bà nó chúng ta họ "
    "mình này kia đó gì khi nào đâu sao tại ai thế cái chưa rồi vâng dạ muốn cần phải thể cảm ơn xin chào làm ơn lỗi đơn hàng "
    "giao tiền hoàn trả rất cũng chỉ luôn tất cả bây giờ hôm nay đây còn nhiều một hai các những người ra vào lại đi",
    "tl": "ang ng sa na at o pero kung mga ay si ni kay may mayroon wala ako ikaw ka siya kami tayo kayo sila ko mo niya namin natin "
    "ninyo nila ito iyan iyon ano kailan saan nasaan bakit sino paano ilan hindi oo opo po lang din rin pa ba gusto kailangan "
    "salamat kumusta magandang pakiusap paumanhin pera ngayon dito lahat palagi",
    "ru": "и или но если что чтобы из от до в во на о об у по за для через без с со к это есть был была было были быть я ты он она оно "
    "мы вы они меня мне тебя тебе его её ей нас нам вас вам их мой моя моё мои твой ваш этот эта эти тот когда где куда почему "
    "кто как какой который сколько не нет да могу можно может хочу хочет надо нужно пожалуйста спасибо привет здравствуйте "
    "добрый день извините заказ доставка посылка деньги возврат очень тоже только никогда всегда ничего всё все сейчас сегодня "
    "здесь уже ещё еще бы ли же",
    "uk": "і й та або але якщо що щоб з із від до в у на про по за для через без зі це є був була було були бути я ти він вона воно ми "
    "ви вони мене мені тебе тобі його її їй нас нам вас вам їх мій моя моє мої твій ваш цей ця ці той коли де куди чому хто як "
    "який котрий скільки не ні немає так можу можна може хочу хоче треба потрібно будь ласка дякую привіт вітаю добрий день "
    "вибачте замовлення доставка посилка гроші повернення дуже також тільки лише ніколи завжди нічого все зараз сьогодні тут "
    "вже ще би чи",
    "bg": "и или но ако че да от до в във на о по за през без с със към е са беше бяха съм си сме сте аз ти той тя то ние вие те мен ме "
    "ми теб го му нас ни вас ви им моят моя твой този тази това тези кога къде защо кой как какъв който колко не няма има мога "
    "може искам трябва моля благодаря здравейте здрасти добър ден извинете поръчка поръчката доставка пратка пари връщане много "
    "също само никога винаги нищо всичко сега днес тук вече още ли ще се",
    "be": "і й або але калі што каб з ад да ў на пра па за для праз без гэта ёсць быў была было я ты ён яна яно мы вы яны мяне мне цябе "
    "яго яе нас вас іх мой мая гэты дзе чаму хто як які колькі не няма так можна хачу трэба дзякуй прывітанне калі ласка дзень "
    "заказ вельмі таксама толькі ніколі заўсёды зараз сёння тут ужо яшчэ ці",
    "sr": "и или али ако да из до од у на о по за кроз без је су био била било бити сам си смо имам има ја ти он она ми ви они ме те га "
    "му нас вас њих мој моја овај ова ово тај шта кад где зашто ко како који колико не није могу може желим морам молим хвала "
    "здраво добар дан поруџбина пакет новац веома такође само никад увек ништа све сада данас овде већ још се би ли",
    "mk": "и или но ако дека од до во на за со без е се беше сум си сме сте јас ти тој таа ние вие тие мене ме тебе го му нас вас ги мој "
    "моја овој оваа ова тоа што кога каде зошто кој како колку не нема има можам може сакам треба благодарам здраво добар ден "
    "нарачка пакет пари многу исто само никогаш секогаш ништо сè сега денес тука веќе уште ли ќе да",
}

# Written the same in every language: they say nothing about it.
NEUTRAL = frozenset(
    "ok okay oke okey okk k kk lol haha hahaha hehe hmm hm mhm uh um oh ah aha wow xd omg ooo www http https com net org html pdf jpg "
    "png gif sms email e-mail mail gmail hotmail outlook app apps id url usb hdmi wifi gps lte pin qr iban bic vat gmbh inc ltd llc "
    "eur usd gbp chf cny paypal visa mastercard amex klarna sepa apple google facebook whatsapp instagram tiktok amazon iphone ipad "
    "android windows mac samsung dhl ups dpd gls fedex hermes usps xs xl xxl cm mm kg km gb mb tb pro max mini plus ultra np stop "
    "order email test".split()
) - {"order"}

# Letters beyond a-z that a language's own words use; a letter outside the row speaks against that language.
LETTERS: dict[str, str] = {
    "en": "éï", "id": "é", "ms": "é", "tl": "ñ", "sw": "", "so": "",
    "de": "äöüß", "nl": "éëïèöüáó", "af": "êëéèîïôû", "sv": "åäöé", "fi": "äöå", "et": "äöüõšž",
    "da": "æøåé", "no": "æøåéòôó", "is": "áðéíóúýþæö",
    "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü", "pt": "ãáàâçéêíóôõúü", "it": "àèéìîòóù", "ca": "àçéèíïóòúü·", "gl": "áéíñóúü",
    "ro": "ăâîșțşţ", "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "sk": "áäčďéíĺľňóôŕšťúýž", "hr": "čćđšž", "bs": "čćđšž",
    "sl": "čšž", "hu": "áéíóöőúüű", "tr": "çğıöşüâîû", "az": "çəğıöşüi̇", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "sq": "çë",
    "cy": "âêîôûŵŷ", "eo": "ĉĝĥĵŝŭ", "ga": "áéíóú", "eu": "ñ",
    "vi": "ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя", "sr": "абвгдђежзијклљмнњопрстћуфхцчџш", "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة", "fa": "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیءآأؤئ",
    "ur": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیےآؤئۓ",
}  # fmt: skip

# The only languages here that write in a script; one language means that the script alone decides.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "HANGUL": ("ko",), "KANA": ("ja",), "HAN": ("zh", "ja"), "THAI": ("th",), "GREEK": ("el",), "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "mr", "ne"), "BENGALI": ("bn", "as"), "GURMUKHI": ("pa",), "GUJARATI": ("gu",), "ORIYA": ("or",),
    "TAMIL": ("ta",), "TELUGU": ("te",), "KANNADA": ("kn",), "MALAYALAM": ("ml",), "SINHALA": ("si",), "LAO": ("lo",),
    "MYANMAR": ("my",), "GEORGIAN": ("ka",), "ARMENIAN": ("hy",), "KHMER": ("km",), "ETHIOPIC": ("am",),
    "ARABIC": ("ar", "fa", "ur", "ps", "ug"), "CYRILLIC": ("ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "mn", "tg", "tt"),
    "LATIN": (
        "en", "de", "nl", "af", "sv", "fi", "et", "da", "no", "is", "fr", "es", "pt", "it", "ca", "gl", "ro", "pl", "cs", "sk", "hr", "bs",
        "sl", "sr", "hu", "tr", "az", "lt", "lv", "sq", "cy", "eo", "ga", "eu", "vi", "id", "ms", "tl", "sw", "so", "la", "mt", "uz",
    ),
}  # fmt: skip

# How often a support desk on the web meets a language, as a log penalty in nats on the ones it seldom meets.
COMMON = frozenset("en zh es de fr ja ko ru pt it nl pl tr ar hi vi id uk sv el cs ro fa th he da no fi hu bn".split())
SELDOM = frozenset("la eo mt so ga cy eu gl bs sq uz tt tg ky ug ps as af".split())

# Characters that only one of the two languages in Han characters writes (reformed shapes, function characters).
CHINESE_ONLY = frozenset(
    "你您她们們这這哪怎么麼吗嗎呢吧啊没沒很给給还還谢謝啥喂嘛哦呀咋俩别爱儿见贝车长门问间闻时书东马鸟鱼风飞云电发货订单换买卖钱说话请让"
    "谁认识讲许记设证评诉词译试该详语误贵费贴贸赔赠赶趣转轻轮软较辆输边达过运进远连迟适选递邮银错铁键锁镜队阳阴难雨顶项顺须预领题颜额显"
    "饭饮馆驱验骑龙个为义么习乡亲亿仅从价众优会传伤伪体偿储兰关兴养净减凭则创别刚务动劳势华协单卖卫厂历压厅县号听员响团园围图圆场坏块坚"
    "声处备复头夺奋妇妈学宁实审宽对导将尔尝层岁师帐帮带广应库庆废开异张弹强归当录彻态总恶惊愿戏战户扫扩担择拥据损换据断无旧显术机杀权条"
    "来极构标样树桥检欢欧残毕气汉汤沟济浅测济温湿满灭灯灵炉点热烦爷状独现环电画疗盘码确离种积称稳穷竞笔签简类粮纪约级纯纸线练组细终绍经"
    "结绝统继续维绿编网罗联职聊肤脑脸腾艺节药营落虑补装规视览觉触誉變與說話請誰嗨妳唷"
)
JAPANESE_ONLY = frozenset("円込働払様気駅売対応価図発変済歳徳県仏拝払沢浜畑桜峠枠匂辻栃栄楽検権歩毎渋渇焼帰従徴恵悪戦択拡挙掲竜粛経絵継続総緑縁繊聴脳臓蔵覧触訳証読転軽辺郷醸釈鉄鉱銭録険隠雑霊頼顕駆騒験髪鶏麺黒黙齢々〆ヶ")
