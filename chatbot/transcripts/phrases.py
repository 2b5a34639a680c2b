"""Phrases that say nothing, one pattern a line, by language. Knows not how they are used."""

# ruff: noqa: E501 - a phrase a line is easier to check than wrapped ones

from __future__ import annotations

# A name or a form of address where one may follow.
_N = (
    r"(?:[ ,]*(?:\[NAME\]|#[A-Z_]+#|NAME-[A-Z]|(?:mr|mrs|ms|miss|dr|herrn?|frau|mme|monsieur|madame|m|sra?|señora?|don|doña)\b\.?|there|sir|madam|again|"
    r"everyone|all|zusammen|nochmal|à tous|de nuevo|(?-i:[A-ZÀ-Þ][\w'’-]+))){0,3}"
)
# What may follow a phrase in its clause: no digit, no comma, no dash, for behind those an answer may stand.
_REST = r"(?:[^.!?,;:–—\n\d-]|(?<=\w)-(?=\w)){0,110}"
EN = rf"""
(?:hi|hello|hey|dear|greetings|welcome|good (?:morning|afternoon|evening|day)){_N}
(?:it'?s |its |it was |it has been )?(?:a pleasure|nice|great|good|lovely|pleased|glad|(?:i am )?(?:truly )?delighted) (?:to meet|meeting|to have|to hear from|talking to|chatting (?:to|with)|playing with) you{_REST}
(?:many |please )?(?:thanks?|thank you|thx|ty|cheers)(?: you)?(?: (?:so|very) much| a lot| again)?{_N}
(?:for|by) (?:contacting|asking|the question|reaching|calling|writing|getting in touch|your (?:patience|time|message|understanding|confirmation|reply|interest|enquiry|inquiry|call|order number|details|e?-?mail|question)|waiting|holding|chatting|the (?:info|information|details|confirmation|update)|confirming|letting (?:me|us) know|(?:sharing|providing)|taking the time|choosing|being|bearing){_REST}
you(?:'re| are) (?:now )?(?:through to|speaking (?:to|with)|chatting with|connected (?:to|with)){_REST}
(?:and )?(?:my name is|my name's|this is|i am|i'm|you are chatting with){_N}(?: (?:from|and i(?:'ll| will) be)\b{_REST})?
(?:so |please |and )?(?:tell me,? |let me know,? )?(?:how|what) (?:can|may|could) (?:i|we) (?:help|assist|do for|serve)(?: you)?{_REST}
(?:i )?hope (?:you|everything|all|your)(?:'re| are| is|r)? ?(?:doing|well|having|good|fine|ok){_REST}
how are you{_REST}
(?:is|was) there (?:anything|something) else{_REST}
anything else{_REST}
(?:just |please )?(?:(?:one|a|just a) (?:moment|second|sec|minute|min)(?! away)|hold on|hang on|bear with me|stand by|wait (?:a|one) (?:moment|minute|second)|please wait|please hold|stay (?:online|with me)){_REST}
(?:please )?(?:give|allow) me (?:a|one|just|some|\d|two|a few|a couple){_REST}
(?:sure|okay|ok|alright|right|yes)?,? ?(?:let me|i(?:'ll| will| am going to|'m going to)|i(?:'m| am)) ?(?:just |quickly |now |gonna )?(?:have a (?:quick )?look|take a (?:quick )?look|check(?:ing)?|look(?:ing)? (?:into|up)|look(?:ing)?|pull(?:ing)? up|see what i can do|find(?:ing)? out|get back to you|be right back|be with you)(?: (?:that|this|it|into this|into that|into it|at this|at that|on that|for you|right now|now|with the warehouse|with my (?:team|colleague)s?|your (?:order|account|details)|right away|the (?:order|details|system)|what (?:happened|i can do)|please|first|quickly|shortly|a moment|in a moment|and get back to you|to you)){{0,3}}
(?:please allow|allow) me (?:a|one) {_REST}
(?:i(?:'ll| will| am|'m)|let me) (?:now |going to |just )?(?:transfer|transferring|connect|connecting|forward(?:ing)? you|pass(?:ing)? you|hand(?:ing)? you|put(?:ting)? you through)(?:{_REST})
you(?:'re| are)? (?:very |most |always )?welcome{_N}
(?:no|not a) (?:problem|worries|worry|prob)(?: at all)?
my pleasure
(?:i(?:'m| am) )?(?:glad|happy|pleased) (?:i|we|to) (?:could|was able to|can|have|help|hear)?(?: ?(?:be of help|help|assist|sort|hear that|hear it){_REST})?
(?:ok(?:ay)?|sure|sure thing|alright|all right|right|great|perfect|excellent|awesome|wonderful|good|fine|got it|understood|i see|i understand|of course|certainly|absolutely|indeed|cool|super|noted|yes|yep|yeah|no|nope|hm+|oh)
(?:have|enjoy) (?:a|an|the rest of)? ?(?:very )?(?:nice|great|good|lovely|wonderful|pleasant|fantastic|amazing|your|the)?{_REST}(?:day|evening|weekend|night|one|time|week|ride|afternoon|stay|trip)(?: ahead)?{_N}
(?:good ?bye|bye(?: bye)?|bye-bye|see you(?: soon| later)?|take care{_REST}|stay safe|cheers|so long|good night|farewell){_N}
(?:(?:kind|best|warm) )?regards{_N}
(?:i'?m |i am )?(?:so |very |really )?(?:sorry|apologies|i apologi[sz]e|my apologies)(?: (?:about|for) (?:that|this|it|(?:the|your|any|keeping you) ?[^.!?\n]{0, 30}(?:delay|wait|waiting|inconvenience|trouble)))?
(?:\[NAME\]|(?-i:[A-Z][\w'’-]+)) here(?: from{_REST})?
(?:\[NAME\]|\#[A-Z_]+\#|NAME-[A-Z])
if you (?:have|need) (?:any|anything|further|more){_REST}
(?:please )?(?:feel free to|do not hesitate to|don't hesitate to) (?:contact|reach|write|ask|get){_REST}
(?:i'?m|i am) (?:here|happy|glad) (?:for|to) (?:your )?help(?: you)?
(?:if you have a moment|please|would you|could you)?,? ?(?:rate|take a moment to rate|fill (?:this|in)){_REST}(?:chat|survey|feedback|conversation|please|service)
(?:i'?m going to|i will|i'll) end (?:the|this) chat{_REST}
once this chat has ended{_REST}
(?:and )?i hope i (?:have|could|was){_REST}
if you (?:would not|wouldn't|don't) mind{_REST}
(?:the|a) (?:rating|survey|feedback) (?:button|link|form){_REST}
(?:and )?(?:please )?(?:come back to us|contact us back|reach us back|reach back out to us){_REST}
till then{_REST}
(?:before ending this chat ){_REST}
you will (?:shortly )?(?:be )?receiv(?:e|ing) an? e?-?mail to rate{_REST}
"""
DE = rf"""
(?:hallo|hi|hey|moin(?: moin)?|servus|grüß (?:gott|dich)|guten (?:morgen|tag|abend)|liebe[rs]?|sehr geehrte[rs]?|willkommen|herzlich willkommen){_N}
(?:vielen |herzlichen |besten |lieben )?dank(?:e)?(?: ?(?:dir|ihnen|euch|schön|sehr|vielmals))?{_N}(?:,? (?:für|dass) {_REST})?
(?:und )?(?:mein name ist|ich bin|ich heiße|hier (?:ist|spricht)|sie (?:chatten|sprechen) mit){_N}(?: (?:vom|aus|und)\b{_REST})?
(?:wie|womit|was) (?:kann|darf) ich {_REST}(?:helfen|tun|behilflich sein|weiterhelfen)(?: ?\w+)?
(?:einen|nur einen|nur kurz|kurz)? ?(?:augenblick|moment|kleinen moment|momentchen){_REST}
(?:bitte )?(?:warten sie|haben sie|hab|bleiben sie){_REST}(?:moment|geduld|augenblick|dran)
(?:ich|da|das) (?:schaue|sehe|prüfe|überprüfe|kläre|checke|schau|guck|gucke|frage)(?: ?(?:das|es|mal|kurz|gleich|gerne|gern|für|sie|dich|nach|mir|an|ab|sofort|eben|bei|unserem|team|lager|dem|im|system|ihre?|bestellung|daten|rein)){{0,9}}
ich (?:verbinde|leite|übergebe|gebe) {_REST}(?:weiter|kolleg\w+|verbinden|team)
(?:sehr )?(?:gern|gerne)(?: geschehen)?
(?:kein problem|alles klar|in ordnung|verstanden|verstehe|okay|ok|ja|nein|genau|natürlich|klar|super|prima|perfekt|gut|sehr gut|freut mich|das freut mich{_REST}|bitte(?: sehr| schön)?|nichts zu danken)
(?:kann|darf) ich {_REST}(?:sonst|noch|weiter){_REST}
(?:haben sie|gibt es|brauchen sie) (?:sonst )?(?:noch|sonst) {_REST}
(?:ich wünsche |wünsche )?(?:ihnen |dir )?(?:noch )?(?:einen |ein )?(?:schöne[nrs]?|guten|tolle[ns]?|angenehmen) (?:tag|abend|wochenende|woche|feierabend|restlichen tag)(?: noch)?{_N}
(?:auf wiedersehen|tschüss?|bis bald|bis dann|ciao|mach'?s gut|bleiben sie gesund){_N}
(?:viele|liebe|beste|mit freundlichen|freundliche|schöne) grüße?n?{_N}
(?:es )?tut mir leid|entschuldigung(?: für {_REST})?|entschuldigen sie {_REST}(?:wartezeit|unannehmlichkeiten|verzögerung)
"""
FR = rf"""
(?:bonjour|bonsoir|salut|ch[eè]re?|bienvenue|coucou){_N}
(?:un grand |encore )?merci(?: ?(?:beaucoup|bien|à vous|infiniment|encore))?{_N}(?:,? (?:d['’]avoir|de|pour) ?{_REST})?
(?:je m['’]appelle|mon nom est|je suis|ici){_N}(?: (?:du|de|et)\b{_REST})?
(?:comment|en quoi|que) (?:puis-je|je peux|pourrais-je) {_REST}(?:aider|être utile|renseigner|faire pour vous|assister)(?: ?\w+['’]?\w*)?
(?:un (?:petit )?(?:instant|moment)|une (?:petite )?(?:minute|seconde)|juste un instant|patientez|veuillez patienter|ne quittez pas){_REST}
(?:je (?:vérifie|regarde|consulte|me renseigne)|laissez-moi (?:vérifier|regarder)|je vais (?:vérifier|regarder))(?: ?(?:ça|cela|pour vous|tout de suite|de suite|votre (?:commande|dossier|compte)|immédiatement|auprès (?:du|de) [\w' ]{{2,20}}|dans le système|un instant)){{0,3}}
je vous (?:transf[éè]re|mets en relation|passe|redirige){_REST}
(?:de rien|avec plaisir|je vous en prie|pas de (?:souci|problème)s?|aucun (?:souci|problème)|d['’]accord|très bien|parfait|bien sûr|entendu|ok|oui|non|super|compris|je comprends|tout à fait|bien reçu)
(?:puis-je|est-ce que je peux|avez-vous|y a-t-il) {_REST}(?:autre chose|d['’]autres? questions?|encore|besoin d['’]autre){_REST}
(?:je vous souhaite )?(?:une |un )?(?:très )?(?:bonne|bon|excellente|belle|agréable) (?:journée|soirée|week-end|weekend|fin de journée|après-midi|continuation){_N}(?: à vous)?
(?:au revoir|à bientôt|bien à vous|cordialement|à plus){_N}
(?:je suis )?(?:désolée?|navrée?)(?: pour {_REST})?|toutes mes excuses{_REST}|veuillez m['’]excuser{_REST}
"""
ES = rf"""
(?:hola|buenos días|buenas(?: tardes| noches)?|buen día|estimad[oa]|querid[oa]|bienvenid[oa]){_N}
(?:muchas |mil )?gracias(?: (?:a ti|a usted|de nuevo|igualmente))?{_N}(?:,? (?:por) {_REST})?
(?:me llamo|mi nombre es|soy|le atiende|te atiende|le habla){_N}(?: (?:de|del|y)\b{_REST})?
(?:en qué|cómo) (?:puedo|podemos|te puedo|le puedo|lo puedo) {_REST}(?:ayudar\w*|servir\w*|asistir\w*){_REST}
(?:un|solo un|deme un|dame un|espere un|espera un)? ?(?:momento|momentito|segundo|minuto|instante){_REST}
(?:por favor,? )?(?:espere|espera|aguarde){_REST}
(?:lo |ahora )?(?:reviso|compruebo|verifico|miro|consulto|voy a (?:revisar|comprobar|verificar|mirar|consultar)|déjeme (?:revisar|comprobar)|déjame (?:ver|revisar|comprobar))(?: ?(?:lo|eso|esto|ahora|mismo|enseguida|su pedido|tu pedido|su cuenta|para usted|por usted|con (?:el|mi) \w+|en el sistema)){{0,4}}
(?:le|te|lo|la) (?:transfiero|paso|comunico|conecto|voy a transferir){_REST}
(?:de nada|con (?:mucho )?gusto|no hay (?:problema|de qué)|un placer|es un placer|vale|de acuerdo|perfecto|claro(?: que sí)?|entiendo|entendido|ok|sí|si|no|muy bien|genial|por supuesto|estupendo)
(?:hay|necesita|puedo|tiene|tienes|necesitas) {_REST}(?:algo más|alguna otra|otra cosa|más en que|en algo más){_REST}
(?:algo más|alguna otra cosa){_REST}
(?:que (?:tenga|tengas|pase|pases) )?(?:un |una )?(?:muy )?(?:buen|feliz|buena|excelente|lindo|bonito|buenas) (?:día|tarde|noche|fin de semana|semana|jornada){_N}
(?:adiós|hasta (?:luego|pronto|la próxima)|chao|saludos(?: cordiales)?|un saludo|cuídese|cuídate){_N}
(?:lo siento|disculpe|perdone|lamento){_REST}(?:molestias|demora|espera|inconveniente|esto)|lo siento(?: mucho)?|disculpe
"""
ZH = r"""
(?:亲爱的)?(?:\[NAME\])?(?:先生|女士|小姐|亲)?(?:您好|你好|早上好|下午好|晚上好|嗨|亲|哈喽|欢迎光临|欢迎咨询)[\w \[\]]{0,12}?(?=$|[,，、 ~！])
(?:您好|你好|亲|早上好|下午好|晚上好)
(?:\[NAME\]|[\u4e00-\u9fff]{1,3})(?:先生|女士|小姐)(?:您好|你好)?
(?:我是|这里是)(?:客服|在线客服|\w{0,8}客服)[\w\[\] ]{0,12}
(?:很高兴|很荣幸)(?:为您服务|认识您|能帮到您|帮助您|为你服务)
(?:请问)?(?:有什么|还有什么|有没有什么|还有其他|还有别的|有其他)[^。！？\n]{0,24}(?:帮|服务|问题|需要|效劳|帮助您|吗)[^。！？\n]{0,8}
(?:请|麻烦(?:您|你)?)?(?:稍等|稍候|等一下|等一等|稍等一下|稍等片刻|耐心等待)[^。！？\n]{0,14}
(?:我|这边|我这边|马上|正在|让我|我来|我们)[^。！？\n,，]{0,6}(?:查一下|看一下|查询一下|核实一下|确认一下|帮您查|帮您看|帮您核实|帮你查|查看一下|去查)[^。！？\n,，]{0,10}
(?:我|这边|现在|马上|正在)?[^。！？\n,，]{0,4}(?:为您|帮您|给您)(?:转接|转到|转给|转人工|接入)[^。！？\n]{0,16}
(?:非常|十分|多谢|谢谢|感谢)(?:您|你)?(?:的)?(?:感谢|谢谢)?[^。！？\n,，]{0,16}
(?:(?:不用|您|您太|别|不必|太)?客气(?:了|啦|的|哦)?|不客气|不用谢|不谢|没关系|没事|没问题|好的?|好的呢|好滴|嗯+|是的?|不是|对的?|收到|明白|了解|可以的?|行|当然(?:可以)?|应该的|哦+)
(?:祝|祝您|祝你)[^。！？\n]{1,20}
(?:再见|拜拜|回见|下次见|晚安|欢迎(?:再次|下次)[^。！？\n]{0,12}|期待[^。！？\n]{0,14}光临|再会)
(?:抱歉|对不起|不好意思|非常抱歉)(?:让您久等了?|久等了)?
(?:久等了|让您久等了)
(?:如有|如果(?:您)?(?:还)?有)[^。！？\n]{0,16}(?:问题|疑问|需要)[^。！？\n]{0,16}
(?:请|麻烦)?[^。！？\n]{0,6}(?:评价|打分|满意度)[^。！？\n]{0,14}
"""

LATIN = (EN, DE, FR, ES)
CHINESE = (ZH,)
