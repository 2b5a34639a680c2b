"""Everyday words of each language, written by hand from general knowledge; pure data, must know no benchmark's text."""

from __future__ import annotations

# Small words that hold a sentence together, and what people say every day and to a support desk. A word that several
# languages share stands in several rows: the more rows, the less it counts. Spelling without accents is derived.
WORDS: dict[str, str] = {
    "en": (
        "the a an and or but if of to in on at for from with without is are was were be been am do does did don't "
        "have has had i you he she it we they me him her us them my your his our their this that these those what "
        "when where why who how which not no yes can can't could will won't would should must may might there "
        "here please thanks thank hi hello hey sorry just still any some all more about it's i'm i've that's "
        "didn't doesn't isn't order refund return shipping delivery help need want get got know think like good "
        "very too never always because than then only now today back went go going come came make made take took "
        "see saw say said tell told work works time year day people man woman child house friend friends car "
        "school money price size colour color receipt invoice card address number account password delivered "
        "arrived broken damaged missing wrong change cancel item product customer service someone something "
        "anything everything nothing everyone again yet after before every much many first last new old big small "
        "let's you're we're they're i'd i'll he's she's wasn't into up out off down over under where's package "
        "parcel tracking tent shoes jacket warranty speak person agent thankyou pls ur u"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer und oder aber wenn dass von zu zum zur im in am an "
        "auf für aus mit ohne ist sind war waren sein bin bist habe hat haben hatte ich du er sie es wir ihr mich "
        "dich ihm ihn uns euch mein meine meinen dein ihre unser nicht kein keine ja nein doch noch schon auch "
        "nur sehr kann können könnte will wollen würde soll muss möchte wird werden wurde was wann wo warum wer "
        "wie welche hier bitte danke vielen dank hallo guten tag moin entschuldigung bestellung lieferung "
        "rückgabe paket geld gibt geht bei nach vor über immer nie jetzt heute mir dir fuer moechte koennen "
        "zurueck zurück bekommen etwas alles sich gehen ging kommen kam machen macht gemacht sagen sagt sagte "
        "sehen nehmen geben arbeiten arbeit zeit jahr leute mann frau kind haus freund auto schule preis größe "
        "farbe rechnung karte adresse nummer konto passwort geliefert angekommen kaputt beschädigt fehlt falsch "
        "ändern stornieren artikel kunde kundendienst jemand nichts wieder jede jeder viel viele erste letzte neu "
        "neue alt groß klein stimmt genau gerne gern bin's dort hin weil damit mal eben wurden sendung lieferzeit "
        "umtausch umtauschen zurückgeben erstattung zelt schuhe jacke garantie mitarbeiter versand unsere ihnen "
        "sollte wäre hätte ganz mehr hatten leider gut moechten ueber waere hätten wirklich"
    ),
    "nl": (
        "de het een en of maar als van te naar in op aan voor uit met zonder is zijn was waren ben bent heb hebt "
        "heeft had ik jij je u hij zij ze wij we jullie mij hem haar ons onze mijn jouw uw dit dat deze die wat "
        "wanneer waar waarom wie hoe welke niet geen ja nee kan kunnen kunt wil willen zou moet mag zal wordt "
        "werd worden er hier alsjeblieft alstublieft bedankt dank hallo hoi goedemorgen goedendag sorry nog al "
        "ook heel erg bestelling levering pakket retour geld graag gaat doen over bij nooit altijd nu vandaag "
        "iets alles zich terug gaan ging komen kwam maken maakt gemaakt zeggen zegt zei zien nemen geven werken "
        "werk tijd jaar dag mensen man vrouw kind huis vriend auto prijs maat kleur factuur kaart adres nummer "
        "rekening wachtwoord geleverd aangekomen kapot beschadigd ontbreekt verkeerd wijzigen annuleren artikel "
        "klant klantenservice iemand niets iedereen weer elke veel eerste laatste nieuw nieuwe oud groot klein "
        "prima precies dan daar omdat hoor wel dus eens even verzending ruilen terugsturen terugbetaling tent "
        "schoenen jas garantie medewerker hun hen moeten wilde zouden meer helaas toch echt goed leuk mooi lekker "
        "weet denk"
    ),
    "sv": (
        "och eller men om att av till från i på för med utan är var vara har hade jag du han hon den det vi ni de "
        "mig dig honom henne oss er dem min mitt mina din ditt hans hennes vår ert deras denna detta dessa vad "
        "när varför vem hur vilken inte ingen inga ja nej kan kunde vill ville ska skulle måste får blir blev "
        "finns här där tack snälla hej hejsan tjena ursäkta också bara mycket aldrig alltid nu idag beställning "
        "leverans paket pengar hjälp ett en någon något sig tillbaka inget gå gick komma kom göra gör gjorde säga "
        "säger sade sa se ta ge arbeta arbete tid år dag människor man kvinna barn hus vän bil pris storlek färg "
        "faktura kort adress nummer konto lösenord levererats anlänt trasig skadad saknas fel ändra avbeställa "
        "artikel kund kundtjänst ingenting alla igen varje många första sista ny nya gammal stor liten stämmer "
        "precis då eftersom bra frakt byta återbetalning tält skor jacka garanti vet tror blivit"
    ),
    "da": (
        "og eller men hvis at af til fra i på for med uden er var være har havde jeg du han hun den det vi de mig "
        "dig ham hende os jer dem min mit mine din dit hans hendes vores deres denne dette disse hvad hvornår "
        "hvor hvorfor hvem hvordan hvilken ikke ingen ja nej kan kunne vil ville skal skulle må får bliver blev "
        "findes her der tak venligst hej undskyld også kun meget aldrig altid nu dag bestilling levering pakke "
        "penge hjælp et en nogen noget sig tilbage går gik kommer kom gør gjorde siger sagde ser tager giver "
        "arbejde tid år mennesker mand kvinde barn hus ven bil pris størrelse farve regning kort adresse nummer "
        "konto leveret ankommet gået stykker mangler forkert ændre annullere vare kunde nogle alle igen hver "
        "mange første sidste ny nye gammel stor lille rigtigt så dér fordi godt fragt bytte telt sko jakke "
        "garanti ved tror hvorledes"
    ),
    "no": (
        "og eller men hvis å av til fra i på for med uten er var være har hadde jeg du han hun den det vi dere de "
        "meg deg ham henne oss dem min mitt mine din ditt hans hennes vår deres denne dette disse hva når hvor "
        "hvorfor hvem hvordan hvilken ikke ingen ja nei kan kunne vil ville skal skulle må får blir ble finnes "
        "her der takk vennligst hei unnskyld også bare veldig aldri alltid nå dag bestilling levering pakke "
        "penger hjelp et en ei noen noe seg tilbake ikkje eg"
    ),
    "fr": (
        "le la les un une des du de et ou mais si que qui à au aux en dans sur pour par avec sans est sont était "
        "être suis es sommes êtes ai as avons avez ont avait je tu il elle on nous vous ils elles me te se lui "
        "leur mon ma mes ton ta tes son sa ses notre nos votre vos ce cet cette ces ça c'est j'ai n'est d'un quoi "
        "quand où pourquoi comment quel quelle ne pas plus jamais rien oui non peux peut pouvez veux voudrais "
        "dois faut fait faire y merci bonjour salut bonsoir coucou désolé svp plaît commande livraison colis "
        "remboursement retour très aussi bien toujours encore déjà maintenant aujourd'hui beaucoup tout quelque "
        "aller va vais vont venir vient dire dit voir prendre donner travail temps an année jour gens homme femme "
        "enfant maison ami voiture prix taille couleur facture carte adresse numéro compte passe livré arrivé "
        "cassé endommagé manque mauvais changer annuler article client service quelqu'un tous toute toutes chaque "
        "première premier dernier nouveau nouvelle vieux grand grande petit petite d'accord exactement alors là "
        "parce car bon bonne échange échanger renvoyer retourner remboursé tente chaussures veste garantie "
        "conseiller expédition leurs été sera serait voulais aimerais malheureusement vraiment qu'il qu'elle l'ai "
        "n'ai m'a s'il j'aime suivi reçu voilà"
    ),
    "es": (
        "el la los las un una unos y o pero si que de del a al en con sin por para es son era fue ser soy eres "
        "somos está están estoy estaba he ha has han había yo tú él ella nosotros ustedes usted ellos me te se le "
        "lo nos les mi mis tu tus su sus nuestro este esta esto ese esa eso qué cuándo dónde cómo quién cuál "
        "cuánto no sí puedo puede pueden podría quiero quiere quisiera debo tengo tiene tienen hay hola gracias "
        "buenos buenas días favor perdón disculpe pedido envío paquete dinero devolución muy también más nunca "
        "siempre nada todo algo ahora hoy aquí ya todavía porque mucho necesito hacer bien cuando ir va voy van "
        "venir viene hecho decir dijo ver tomar dar trabajo tiempo año día gente hombre mujer niño niños casa "
        "amigo coche precio talla color factura tarjeta dirección número cuenta contraseña entregado llegado "
        "llegó roto dañado falta equivocado cambiar cancelar artículo producto cliente alguien nadie todos otra "
        "otro vez cada mucha muchos primera primero último nuevo nueva viejo grande pequeño vale exacto entonces "
        "allí pues cambio devolver reembolso tienda zapatos chaqueta garantía agente eran sido gustaría "
        "lamentablemente verdad donde adónde cuesta cuanto comprar compré recibido recibí nuestra creo sé saber"
    ),
    "pt": (
        "o a os as um uma e ou mas se que de do da dos das ao em no na nos nas com sem por pelo pela para é são "
        "era foi ser sou és somos está estão estou estava eu tu ele ela nós vocês você eles me te lhe meu minha "
        "meus minhas teu seu sua seus nosso este esta isto esse essa isso aquele quê quando onde porque como quem "
        "qual quanto não sim posso pode podem poderia quero quer gostaria devo tenho tem têm há olá oi obrigado "
        "obrigada bom boa dia tarde favor desculpe pedido encomenda entrega dinheiro devolução reembolso muito "
        "também mais nunca sempre nada tudo algo agora hoje aqui já ainda preciso fazer bem vou ir vai vão vir "
        "vem feito dizer disse ver tomar dar trabalho tempo ano gente pessoas homem mulher criança casa amigo "
        "carro preço tamanho cor fatura cartão endereço morada número conta senha entregue chegou quebrado "
        "danificado falta errado mudar trocar cancelar artigo produto cliente alguém ninguém todos outra outro "
        "vez cada muita muitos primeira primeiro último novo nova velho grande pequeno certo exato então ali lá "
        "pois troca devolver loja sapatos casaco jaqueta garantia atendente foram sido gostava infelizmente "
        "verdade aonde custa comprar comprei recebi nossa acho sei saber fiz ok obg vc"
    ),
    "it": (
        "il lo la i gli le un uno una e o ma se che di del della dei delle dello a al alla ai in nel nella con "
        "senza per da dal su sul è sono era essere sei siamo ho hai ha abbiamo avete hanno aveva io tu lui lei "
        "noi voi loro mi ti si ci vi mio mia miei tuo tua suo sua nostro vostro questo questa quello quella cosa "
        "quando dove perché come chi quale quanto non sì no posso può puoi potete vorrei voglio vuole devo c'è "
        "dov'è ciao grazie buongiorno salve scusi scusa prego ordine spedizione pacco soldi reso rimborso molto "
        "anche più mai sempre niente tutto ora oggi qui già ancora bene fare fa sta alle andare va vado vanno "
        "venire viene fatto dire detto vedere prendere dare lavoro tempo anno giorno gente uomo donna bambino "
        "casa amico macchina prezzo taglia colore fattura carta indirizzo numero conto password consegnato "
        "arrivato rotto danneggiato manca sbagliato cambiare annullare articolo prodotto cliente qualcuno nessuno "
        "tutti altra altro volta ogni molta molti prima primo ultimo nuovo nuova vecchio grande piccolo d'accordo "
        "esatto allora lì cambio restituire negozio scarpe giacca garanzia operatore erano stato stata piacerebbe "
        "purtroppo davvero costa comprare comprato ricevuto nostra credo so sapere ne buonasera vostra spedito "
        "consegna"
    ),
    "ca": (
        "el la els les un una i o però si que de del dels a al en amb sense per és són era sóc està estan he ha "
        "jo tu ell ella nosaltres vostè em et es li ens meu meva aquest aquesta això què quan on com qui no sí "
        "puc pot vull tinc té hi hola gràcies bon dia adéu comanda molt també més mai sempre res tot ara avui "
        "aquí encara només perquè"
    ),
    "ro": (
        "un o și sau dar dacă că de din la în pe pentru cu fără este e sunt era fi am ai are avem au eu tu el ea "
        "noi voi ei mă te îl îi ne vă meu mea mei tău lui acest această aceasta ce când unde cum cine care cât nu "
        "da pot poate vreau vrea trebuie aș bună salut mulțumesc mersi rog scuze comanda comandă livrare colet "
        "bani retur foarte mai niciodată mereu nimic tot acum azi aici încă doar nici să al ale ziua merg merge "
        "vine făcut face spus văd iau dau lucru timp an zi oameni om femeie copil casă prieten mașină preț mărime "
        "culoare factură card adresă număr cont parolă livrat ajuns stricat deteriorat lipsește greșit schimba "
        "anula produs client cineva nimeni toți iar fiecare mult prima primul ultimul nou nouă vechi mare mic "
        "exact atunci acolo schimb returna cort pantofi jachetă garanție agent noastră știu cred fost lor"
    ),
    "pl": (
        "i a lub ale jeśli że z ze do od w we na o u po za dla przez bez jest są był była było być jestem mam "
        "masz ma mamy ja ty on ona ono my wy oni mnie mi cię ci go jej mu nas nam was wam ich mój moja moje twój "
        "ten ta to tego tej co kiedy gdzie dlaczego kto jak jaki który ile nie tak mogę może można chcę chce "
        "chciałbym muszę proszę dziękuję dzięki dzień dobry cześć hej witam przepraszam zamówienie zamówienia "
        "dostawa paczka zwrot pieniądze bardzo też także tylko nigdy zawsze nic wszystko teraz dzisiaj tutaj już "
        "jeszcze czy się by iść idzie przyjść robić robi powiedzieć powiedział widzieć wziąć dać praca czas rok "
        "ludzie człowiek kobieta dziecko dom przyjaciel samochód cena rozmiar kolor faktura karta adres numer "
        "konto hasło dostarczone dotarła zepsuty uszkodzony brakuje zły zmienić anulować klient ktoś nikt wszyscy "
        "znowu każdy dużo pierwszy ostatni nowy nowa stary duży mały dobrze dokładnie wtedy tam ponieważ bo "
        "wymiana zwrócić namiot buty kurtka gwarancja konsultant wysyłka nasz więc niestety naprawdę kosztuje "
        "kupić kupiłem kupiłam będzie będę pan pani jego lubię wiem"
    ),
    "cs": (
        "a i nebo ale jestli že z ze do od v ve na o u po za pro přes bez je jsou byl byla bylo být jsem jsi jsme "
        "mám máš má já ty on ona my vy oni mě mi tě ho jí mu nás nám vás vám jejich můj moje tvůj ten ta to tento "
        "co kdy kde proč kdo jak jaký který kolik ne není ano mohu můžu může chci chce musím prosím děkuji díky "
        "dobrý den ahoj omlouvám objednávka zásilka peníze velmi také taky jen nikdy vždy nic všechno teď dnes "
        "tady už ještě se by jít jde přišel dělat udělal řekl říct vidět vzít dát práce čas rok lidé člověk žena "
        "dítě dům přítel auto cena velikost barva faktura karta adresa číslo účet heslo doručeno dorazila rozbitý "
        "poškozený chybí špatný změnit zrušit zboží zákazník někdo nikdo všichni znovu každý hodně první poslední "
        "nový nová starý velký malý dobře přesně pak tam protože výměna vrátit stan boty bunda záruka náš bohužel "
        "opravdu stojí koupit koupil"
    ),
    "sk": (
        "a i alebo ale ak že z zo do od v vo na o u po za pre cez bez je sú bol bola bolo byť som si sme mám máš "
        "má ja ty on ona my vy oni ma mi ťa ho jej mu nás nám vás vám ich môj moja moje tvoj ten tá to tento čo "
        "kedy kde prečo kto ako aký ktorý koľko nie áno môžem môže chcem chce musím prosím ďakujem dobrý deň ahoj "
        "prepáčte objednávka zásielka peniaze veľmi tiež len nikdy vždy nič všetko teraz dnes tu už ešte sa by"
    ),
    "hr": (
        "i a ili ali ako da iz do od u na o po za kroz bez je su bio bila bilo biti sam si smo imam imaš ima ja "
        "ti on ona mi vi oni me te ga joj mu nas nam vas vam njih moj moja moje tvoj taj ta to ovaj što kada gdje "
        "zašto tko kako koji koliko ne nije nisam mogu može želim hoću moram molim hvala dobar dan bok žao "
        "narudžba paket novac vrlo također samo nikad uvijek ništa sve sada danas ovdje već još se bi li"
    ),
    "hu": (
        "a az egy és vagy de ha hogy nem igen van vannak volt voltak lesz én te ő mi ti ők engem téged neki nekem "
        "ez ezt azt ezek mit mikor hol miért ki hogyan hány melyik meg is csak nagyon már még soha mindig semmi "
        "minden most ma itt ott kérem köszönöm köszi szia helló jó napot elnézést rendelés csomag pénz szeretnék "
        "szeretném akarok tudok lehet kell kellene vissza megy jön jött csinál mond mondta lát vesz ad munka idő "
        "év nap emberek ember nő gyerek ház barát autó ár méret szín számla kártya cím szám fiók jelszó "
        "megérkezett törött sérült hiányzik rossz cserélni lemondani termék vevő valaki senki mindenki újra sok "
        "első utolsó új régi nagy kicsi pontosan akkor mert csere visszaküldeni sátor cipő kabát garancia tudom"
    ),
    "fi": (
        "ja tai mutta jos että on ovat oli olivat olla olen olet olemme minä sinä hän me te he minun sinun hänen "
        "minua se tämä tuo nämä mikä mitä milloin missä miksi kuka miten kuinka ei en et eivät kyllä joo voi voin "
        "voiko haluan haluaisin pitää kiitos hei moi terve anteeksi ole hyvä tilaus paketti toimitus rahat myös "
        "vain hyvin aina nyt tänään täällä vielä jo kun kuin mennä menee tulla tuli tehdä tekee sanoi nähdä ottaa "
        "antaa työ aika vuosi päivä ihmiset mies nainen lapsi talo ystävä auto hinta koko väri lasku kortti "
        "osoite numero tili salasana saapunut rikki vaurioitunut puuttuu väärä vaihtaa peruuttaa tuote asiakas "
        "joku kukaan kaikki taas joka paljon ensimmäinen viimeinen uusi vanha iso pieni tarkalleen sitten siellä "
        "koska palauttaa teltta kengät takki takuu tiedän"
    ),
    "tr": (
        "ve veya ama eğer ile için bir bu şu o ben sen biz siz onlar bana sana ona bize benim senin onun bizim ne "
        "zaman nerede nereye neden niye kim nasıl hangi kaç kadar değil yok var hayır evet mi mı mu mü midir çok "
        "daha en de da ki gibi şimdi bugün burada hep asla her şey hiç lütfen teşekkürler teşekkür ederim merhaba "
        "selam günaydın pardon özür sipariş siparişim kargo iade para istiyorum olarak oldu olan gitmek gidiyor "
        "gel geldi gelmedi yapmak yaptı söyle söyledi görmek al ver iş yıl gün insan adam kadın çocuk ev arkadaş "
        "araba fiyat beden renk fatura kart adres numara hesap şifre teslim ulaştı kırık hasarlı eksik yanlış "
        "değiştirmek iptal ürün müşteri biri kimse herkes tekrar birinci son yeni eski büyük küçük tamam orada "
        "çünkü değişim çadır ayakkabı ceket garanti temsilci sizin maalesef gerçekten biliyorum mıdır istiyor"
    ),
    "id": (
        "dan atau tetapi tapi jika kalau yang dari ke di pada untuk dengan tanpa adalah ada saya aku kamu anda "
        "dia kami kita mereka ini itu apa apakah kapan mana kenapa mengapa siapa bagaimana berapa tidak bukan tak "
        "belum sudah ya bisa dapat mau ingin harus akan sedang telah terima kasih tolong halo hai selamat pagi "
        "siang maaf pesanan barang uang pengiriman sangat juga hanya selalu semua sekarang hari sini saja lagi "
        "banyak nya dimana gimana makasih sebuah seorang orang oleh karena pergi datang membuat bilang lihat "
        "ambil beri kerja waktu tahun laki perempuan anak rumah teman mobil harga ukuran warna faktur kartu "
        "alamat nomor akun kata diterima rusak salah ganti batalkan produk pelanggan seseorang setiap pertama "
        "terakhir baru lama besar kecil benar lalu sana kirim dikirim kembali tenda sepatu jaket garansi kak min "
        "mas mbak bisakah tahu sampai kok dong sih nih deh"
    ),
    "ms": (
        "dan atau tetapi jika kalau yang dari ke di pada untuk dengan tanpa adalah ada saya aku awak anda dia "
        "kami kita mereka ini itu apa bila mana kenapa mengapa siapa bagaimana berapa tidak bukan tak belum sudah "
        "dah ya boleh dapat mahu nak ingin perlu akan sedang telah terima kasih tolong helo selamat pagi maaf "
        "pesanan barang wang penghantaran sangat juga hanya selalu semua sekarang hari sini sahaja lagi banyak "
        "kerana ialah encik cik"
    ),
    "vi": (
        "và hoặc nhưng nếu của từ đến ở trong trên cho với không là có đã đang sẽ bị được tôi bạn anh chị em ông "
        "bà nó chúng ta họ mình này kia đó gì khi nào đâu sao tại ai thế cái chưa rồi vâng dạ muốn cần phải thể "
        "cảm ơn xin chào làm lỗi đơn hàng giao tiền hoàn trả rất cũng chỉ luôn tất cả bây giờ hôm nay đây còn "
        "nhiều một hai các những người ra vào lại đi nói thấy lấy việc thời gian năm ngày đàn phụ nữ trẻ nhà xe "
        "giá cỡ màu hóa thẻ địa số tài khoản mật khẩu nhận hỏng sai đổi hủy sản phẩm khách mọi lần đầu cuối mới "
        "cũ lớn nhỏ đúng vì gửi lều giày áo bảo hành nhân viên bao nhiêu biết nghĩ nên thì mà nữa"
    ),
    "tl": (
        "ang ng sa na at o pero kung mga ay si ni kay may mayroon wala ako ikaw ka siya kami tayo kayo sila ko mo "
        "niya namin natin ninyo nila ito iyan iyon ano kailan saan nasaan bakit sino paano ilan hindi oo opo po "
        "lang din rin pa ba gusto kailangan salamat kumusta magandang pakiusap paumanhin pera ngayon dito lahat "
        "palagi"
    ),
    "ru": (
        "и или но если что чтобы из от до в во на о об у по за для через без с со к это есть был была было были "
        "быть я ты он она оно мы вы они меня мне тебя тебе его её ей нас нам вас вам их мой моя моё мои твой ваш "
        "этот эта эти тот когда где куда почему кто как какой который сколько не нет да могу можно может хочу "
        "хочет надо нужно пожалуйста спасибо привет здравствуйте добрый день извините заказ доставка посылка "
        "деньги возврат очень тоже только никогда всегда ничего всё все сейчас сегодня здесь уже ещё еще бы ли же "
        "идти идёт пришёл делать сделал сказал сказать видеть взять дать работа работает время год люди человек "
        "женщина ребёнок дом друг машина цена размер цвет счёт карта адрес номер аккаунт пароль доставили пришла "
        "пришло сломан повреждён неправильный изменить отменить товар клиент кто-то никто снова каждый много "
        "первый последний новый новая старый большой хорошо точно тогда там потому обмен вернуть палатка ботинки "
        "куртка гарантия оператор наш стоит купить купил получил моего моей мной себя него неё том этом верно"
    ),
    "uk": (
        "і й та або але якщо що щоб з із від до в у на про по за для через без зі це є був була було були бути я "
        "ти він вона воно ми ви вони мене мені тебе тобі його її їй нас нам вас вам їх мій моя моє мої твій ваш "
        "цей ця ці той коли де куди чому хто як який котрий скільки не ні немає так можу можна може хочу хоче "
        "треба потрібно будь ласка дякую привіт вітаю добрий день вибачте замовлення доставка посилка гроші "
        "повернення дуже також тільки лише ніколи завжди нічого все зараз сьогодні тут вже ще би чи йти йде "
        "прийшов робити зробив сказав сказати бачити взяти дати робота працює час рік люди людина жінка дитина "
        "дім друг машина ціна розмір колір рахунок картка адреса номер пароль доставили прийшла прийшло зламаний "
        "пошкоджений неправильний змінити скасувати товар клієнт хтось ніхто всі знову кожен багато перший "
        "останній новий нова старий великий добре точно тоді там тому обмін повернути намет черевики куртка "
        "гарантія оператор наш коштує купити купив отримав мого моєї мною себе нього неї люблю"
    ),
    "bg": (
        "и или но ако че да от до в във на о по за през без с със към е са беше бяха съм си сме сте аз ти той тя "
        "то ние вие те мен ме ми теб го му нас ни вас ви им моят моя твой този тази това тези кога къде защо кой "
        "как какъв който колко не няма има мога може искам трябва моля благодаря здравейте здрасти добър ден "
        "извинете поръчка поръчката доставка пратка пари връщане много също само никога винаги нищо всичко сега "
        "днес тук вече още ли ще се"
    ),
    "be": (
        "і й або але калі што каб з ад да ў на пра па за для праз без гэта ёсць быў была было я ты ён яна яно мы "
        "вы яны мяне мне цябе яго яе нас вас іх мой мая гэты дзе чаму хто як які колькі не няма так можна хачу "
        "трэба дзякуй прывітанне ласка дзень заказ вельмі таксама толькі ніколі заўсёды зараз сёння тут ужо яшчэ "
        "ці"
    ),
    "sr": (
        "и или али ако да из до од у на о по за кроз без је су био била било бити сам си смо имам има ја ти он "
        "она ми ви они ме те га му нас вас њих мој моја овај ова ово тај шта кад где зашто ко како који колико не "
        "није могу може желим морам молим хвала здраво добар дан поруџбина пакет новац веома такође само никад "
        "увек ништа све сада данас овде већ још се би ли"
    ),
    "mk": (
        "и или но ако дека од до во на за со без е се беше сум си сме сте јас ти тој таа ние вие тие мене ме тебе "
        "го му нас вас ги мој моја овој оваа ова тоа што кога каде зошто кој како колку не нема има можам може "
        "сакам треба благодарам здраво добар ден нарачка пакет пари многу исто само никогаш секогаш ништо сè сега "
        "денес тука веќе уште ли ќе да"
    ),
}

# Written the same in every language: they say nothing about it.
_NEUTRAL = (
    "ah aha amazon amex android app apple apps bic chf cm cny com dhl dpd e-mail email eur facebook fedex gb "
    "gbp gif gls gmail gmbh google gps haha hahaha hdmi hehe hermes hm hmm hotmail html http https iban id "
    "inc instagram ipad iphone jpg k kg kk klarna km llc lol ltd lte mac mail mastercard max mb mhm mini mm "
    "net np oh ok okay oke okey okk omg ooo org outlook paypal pdf pin plus png pro qr samsung sepa sms stop "
    "tb test tiktok uh ultra um ups url usb usd usps vat visa whatsapp wifi windows wow www xd xl xs xxl"
)
NEUTRAL = frozenset(_NEUTRAL.split())

# Written without a space between: looked for anywhere in a text of Han characters.
HAN_WORDS: dict[str, str] = {
    "zh": (
        "退款 退货 退貨 换货 換貨 订单 訂單 发货 發貨 物流 客服 快递 快遞 保修 尺码 尺碼 发票 發票 多少 什么 什麼 "
        "怎么 怎麼 可以 没有 沒有 我们 我們 谢谢 謝謝 你好 您好 现在 現在 密码 付款 收到 包裹 损坏 取消 人工 我 你 您 "
        "他 的 了 是 不 在"
    ),
    "ja": (
        "返品 返金 交換 送料 無料 注文 商品 確認 在庫 領収書 保証 配送 配達 発送 到着 料金 "
        "価格 問合 解約 変更 会員 担当者 届 購入 支払 住所 破損 不良 何時 今日 明日 大丈夫 日本語"
    ),
}
