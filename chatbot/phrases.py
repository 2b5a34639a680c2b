"""The product's own sentences to customers, in each language it speaks; pure data and one lookup. Must not know models."""

from __future__ import annotations

FALLBACK = "en"

_PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "greeting": "Hello! I'm the AI assistant of {company}. What can I help you with?",
        "thanks": "You're welcome. Is there anything else I can help with?",
        "goodbye": "Goodbye, and thank you for writing to {company}.",
        "are_you_a_bot": "Yes, I'm an AI assistant. I answer from what our support team has told customers before, and I can "
        "pass you on to a person at any time.",
        "acknowledge": "All right. Is there anything else you would like to know?",
        "unclear": "I'm not sure what you need yet. Could you describe it in a sentence, for example what happened and with "
        "which product or order?",
        "did_you_mean": "I want to be sure that I understand you. Is it one of these?",
        "no_precedent": "I have found nothing in our past answers that fits your question, and I don't want to guess. Would you "
        "like to talk to a person?",
        "not_sure": "I'm not certain enough about this one to answer it. Would you like to talk to a person?",
        "handed_over": "I'm passing you on to a person from our team. You can keep writing; they will see everything here.",
        "repeated": "I haven't been able to help with this, so I'm passing you on to a person from our team. You can keep "
        "writing; they will see everything here.",
        "attack": "I can only help with questions to the support team of {company}. What would you like to know?",
        "unavailable": "I cannot look anything up right now. Your message is saved. Would you like to talk to a person?",
        "busy": "Many people are writing at the moment, so here is a short answer for now:",
        "stopped": "Stopped.",
        "asked_for_person": "You asked for a person.",
        "back_to_bot": "You are back with the assistant.",
        "joined": "{agent} joined the chat.",
        "passed_on": "You are being passed on to a colleague.",
        "closed_by": "{agent} ended this chat.",
        "away_until": "Our team is not here at the moment and is back {when}. If you leave your e-mail address below, we will "
        "answer you there; you can also keep writing here.",
        "away_now": "Nobody from our team is free at the moment. If you leave your e-mail address below, we will answer you "
        "there; you can also keep writing here.",
        "long_wait": "It is taking longer than it should, and nobody has been free yet. You keep your place. If you would "
        "rather not wait, leave your e-mail address below and we will answer you there.",
        "contact_kept": "Thank you. We will answer you by e-mail if you are no longer here.",
        "weekdays": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "when_today": "today at {time}",
        "when_tomorrow": "tomorrow at {time}",
        "when_day": "on {day} at {time}",
        "wish_person": "Talk to a person",
        "wish_rephrase": "Ask differently",
        "your_order": "your order",
        "your_address": "your e-mail address",
        "your_phone": "your phone number",
        "your_card": "your card",
        "your_account": "your bank account",
    },
    "de": {
        "greeting": "Hallo! Ich bin der KI-Assistent von {company}. Wobei kann ich helfen?",
        "thanks": "Gern geschehen. Kann ich sonst noch etwas für Sie tun?",
        "goodbye": "Auf Wiedersehen und danke für Ihre Nachricht an {company}.",
        "are_you_a_bot": "Ja, ich bin ein KI-Assistent. Ich antworte mit dem, was unser Support früher geantwortet hat, und kann "
        "Sie jederzeit an einen Menschen weitergeben.",
        "acknowledge": "In Ordnung. Möchten Sie noch etwas wissen?",
        "unclear": "Ich verstehe noch nicht, was Sie brauchen. Können Sie es in einem Satz beschreiben, zum Beispiel was passiert "
        "ist und um welches Produkt oder welche Bestellung es geht?",
        "did_you_mean": "Ich möchte Sie richtig verstehen. Geht es um eines davon?",
        "no_precedent": "Ich habe in unseren früheren Antworten nichts gefunden, das zu Ihrer Frage passt, und möchte nicht raten. "
        "Möchten Sie mit einem Menschen sprechen?",
        "not_sure": "Ich bin mir hier nicht sicher genug für eine Antwort. Möchten Sie mit einem Menschen sprechen?",
        "handed_over": "Ich gebe Sie an einen Menschen aus unserem Team weiter. Sie können weiterschreiben; dort ist alles zu "
        "sehen.",
        "repeated": "Ich konnte Ihnen hierbei nicht helfen und gebe Sie deshalb an einen Menschen aus unserem Team weiter. Sie "
        "können weiterschreiben; dort ist alles zu sehen.",
        "attack": "Ich kann nur bei Fragen an den Support von {company} helfen. Was möchten Sie wissen?",
        "unavailable": "Ich kann gerade nichts nachschlagen. Ihre Nachricht ist gespeichert. Möchten Sie mit einem Menschen "
        "sprechen?",
        "busy": "Gerade schreiben sehr viele Menschen, deshalb vorerst eine kurze Antwort:",
        "stopped": "Angehalten.",
        "asked_for_person": "Sie haben nach einem Menschen gefragt.",
        "back_to_bot": "Sie sind wieder beim Assistenten.",
        "joined": "{agent} ist jetzt im Chat.",
        "passed_on": "Sie werden an eine Kollegin oder einen Kollegen weitergegeben.",
        "closed_by": "{agent} hat diesen Chat beendet.",
        "away_until": "Unser Team ist gerade nicht da und {when} wieder erreichbar. Wenn Sie unten Ihre E-Mail-Adresse "
        "hinterlassen, antworten wir Ihnen dort; Sie können auch hier weiterschreiben.",
        "away_now": "Aus unserem Team ist gerade niemand frei. Wenn Sie unten Ihre E-Mail-Adresse hinterlassen, antworten wir "
        "Ihnen dort; Sie können auch hier weiterschreiben.",
        "long_wait": "Es dauert länger, als es sollte, und es war noch niemand frei. Ihr Platz bleibt Ihnen. Wenn Sie nicht "
        "warten möchten, hinterlassen Sie unten Ihre E-Mail-Adresse, und wir antworten Ihnen dort.",
        "contact_kept": "Danke. Wir antworten Ihnen per E-Mail, wenn Sie nicht mehr hier sind.",
        "weekdays": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "when_today": "heute um {time}",
        "when_tomorrow": "morgen um {time}",
        "when_day": "am {day} um {time}",
        "wish_person": "Mit einem Menschen sprechen",
        "wish_rephrase": "Anders fragen",
        "your_order": "Ihre Bestellung",
        "your_address": "Ihre E-Mail-Adresse",
        "your_phone": "Ihre Telefonnummer",
        "your_card": "Ihre Karte",
        "your_account": "Ihr Bankkonto",
    },
    "es": {
        "greeting": "¡Hola! Soy el asistente de IA de {company}. ¿En qué puedo ayudarle?",
        "thanks": "De nada. ¿Puedo ayudarle en algo más?",
        "goodbye": "Hasta luego y gracias por escribir a {company}.",
        "are_you_a_bot": "Sí, soy un asistente de IA. Respondo con lo que nuestro equipo ha contestado antes y puedo pasarle con una "
        "persona cuando quiera.",
        "acknowledge": "De acuerdo. ¿Quiere saber algo más?",
        "unclear": "Todavía no entiendo qué necesita. ¿Puede describirlo en una frase, por ejemplo qué ha pasado y con qué producto "
        "o pedido?",
        "did_you_mean": "Quiero entenderle bien. ¿Se trata de algo de esto?",
        "no_precedent": "No he encontrado nada en nuestras respuestas anteriores que encaje con su pregunta y no quiero adivinar. "
        "¿Quiere hablar con una persona?",
        "not_sure": "No estoy lo bastante seguro para responder a esto. ¿Quiere hablar con una persona?",
        "handed_over": "Le paso con una persona de nuestro equipo. Puede seguir escribiendo; verá todo lo que está aquí.",
        "repeated": "No he podido ayudarle con esto, así que le paso con una persona de nuestro equipo. Puede seguir escribiendo; "
        "verá todo lo que está aquí.",
        "attack": "Solo puedo ayudar con preguntas al equipo de soporte de {company}. ¿Qué quiere saber?",
        "unavailable": "Ahora mismo no puedo consultar nada. Su mensaje está guardado. ¿Quiere hablar con una persona?",
        "busy": "En este momento escribe mucha gente, así que por ahora una respuesta corta:",
        "stopped": "Detenido.",
        "asked_for_person": "Ha pedido hablar con una persona.",
        "back_to_bot": "Vuelve a estar con el asistente.",
        "joined": "{agent} se ha unido al chat.",
        "passed_on": "Le pasamos con otra persona del equipo.",
        "closed_by": "{agent} ha terminado este chat.",
        "away_until": "Nuestro equipo no está en este momento y vuelve {when}. Si deja abajo su correo electrónico, le "
        "responderemos allí; también puede seguir escribiendo aquí.",
        "away_now": "En este momento no hay nadie libre en nuestro equipo. Si deja abajo su correo electrónico, le "
        "responderemos allí; también puede seguir escribiendo aquí.",
        "long_wait": "Está tardando más de lo debido y todavía no hay nadie libre. Conserva su turno. Si prefiere no esperar, "
        "deje abajo su correo electrónico y le responderemos allí.",
        "contact_kept": "Gracias. Le responderemos por correo electrónico si ya no está aquí.",
        "weekdays": "lunes martes miércoles jueves viernes sábado domingo",
        "when_today": "hoy a las {time}",
        "when_tomorrow": "mañana a las {time}",
        "when_day": "el {day} a las {time}",
        "wish_person": "Hablar con una persona",
        "wish_rephrase": "Preguntar de otra forma",
        "your_order": "su pedido",
        "your_address": "su correo electrónico",
        "your_phone": "su número de teléfono",
        "your_card": "su tarjeta",
        "your_account": "su cuenta bancaria",
    },
    "fr": {
        "greeting": "Bonjour ! Je suis l'assistant IA de {company}. Comment puis-je vous aider ?",
        "thanks": "Avec plaisir. Puis-je vous aider pour autre chose ?",
        "goodbye": "Au revoir et merci d'avoir écrit à {company}.",
        "are_you_a_bot": "Oui, je suis un assistant IA. Je réponds avec ce que notre équipe a déjà répondu et je peux vous passer une "
        "personne à tout moment.",
        "acknowledge": "D'accord. Souhaitez-vous savoir autre chose ?",
        "unclear": "Je ne vois pas encore ce qu'il vous faut. Pouvez-vous le décrire en une phrase, par exemple ce qui s'est passé et "
        "avec quel produit ou quelle commande ?",
        "did_you_mean": "Je veux être sûr de vous comprendre. Est-ce l'un de ces sujets ?",
        "no_precedent": "Je n'ai rien trouvé dans nos réponses passées qui corresponde à votre question et je ne veux pas deviner. "
        "Souhaitez-vous parler à une personne ?",
        "not_sure": "Je ne suis pas assez sûr de moi pour répondre à cela. Souhaitez-vous parler à une personne ?",
        "handed_over": "Je vous passe une personne de notre équipe. Vous pouvez continuer à écrire ; elle verra tout ce qui "
        "est ici.",
        "repeated": "Je n'ai pas pu vous aider, je vous passe donc une personne de notre équipe. Vous pouvez continuer à écrire ; elle "
        "verra tout ce qui est ici.",
        "attack": "Je peux seulement aider pour les questions au support de {company}. Que souhaitez-vous savoir ?",
        "unavailable": "Je ne peux rien consulter pour le moment. Votre message est enregistré. Souhaitez-vous parler à une "
        "personne ?",
        "busy": "Beaucoup de personnes écrivent en ce moment, voici donc une réponse courte pour l'instant :",
        "stopped": "Arrêté.",
        "asked_for_person": "Vous avez demandé une personne.",
        "back_to_bot": "Vous êtes de nouveau avec l'assistant.",
        "joined": "{agent} a rejoint la discussion.",
        "passed_on": "Nous vous passons une autre personne de l'équipe.",
        "closed_by": "{agent} a terminé cette discussion.",
        "away_until": "Notre équipe n'est pas là pour le moment et revient {when}. Si vous laissez votre adresse e-mail "
        "ci-dessous, nous vous répondrons là-bas ; vous pouvez aussi continuer à écrire ici.",
        "away_now": "Personne de notre équipe n'est libre pour le moment. Si vous laissez votre adresse e-mail ci-dessous, "
        "nous vous répondrons là-bas ; vous pouvez aussi continuer à écrire ici.",
        "long_wait": "Cela prend plus de temps que prévu et personne n'est encore libre. Vous gardez votre place. Si vous "
        "préférez ne pas attendre, laissez votre adresse e-mail ci-dessous et nous vous répondrons là-bas.",
        "contact_kept": "Merci. Nous vous répondrons par e-mail si vous n'êtes plus ici.",
        "weekdays": "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "when_today": "aujourd'hui à {time}",
        "when_tomorrow": "demain à {time}",
        "when_day": "{day} à {time}",
        "wish_person": "Parler à une personne",
        "wish_rephrase": "Poser la question autrement",
        "your_order": "votre commande",
        "your_address": "votre adresse e-mail",
        "your_phone": "votre numéro de téléphone",
        "your_card": "votre carte",
        "your_account": "votre compte bancaire",
    },
    "zh": {
        "greeting": "您好！我是 {company} 的 AI 助手。请问有什么可以帮您？",
        "thanks": "不客气。还有什么可以帮您的吗？",
        "goodbye": "再见，感谢您联系 {company}。",
        "are_you_a_bot": "是的，我是 AI 助手。我根据客服团队以往的回答来回复您，您也可以随时转接人工。",
        "acknowledge": "好的。您还想了解什么吗？",
        "unclear": "我还不太明白您的需要。能用一句话说明一下吗？比如发生了什么、涉及哪件商品或哪个订单。",
        "did_you_mean": "我想确认一下您的意思，您问的是下面的哪一个？",
        "no_precedent": "在以往的回答中我没有找到与您的问题相符的内容，我不想随意猜测。需要为您转接人工吗？",
        "not_sure": "这个问题我没有足够的把握回答。需要为您转接人工吗？",
        "handed_over": "正在为您转接我们的同事。您可以继续留言，同事会看到这里的全部内容。",
        "repeated": "这个问题我没能帮到您，正在为您转接我们的同事。您可以继续留言，同事会看到这里的全部内容。",
        "attack": "我只能回答与 {company} 客服有关的问题。请问您想了解什么？",
        "unavailable": "我现在无法查询资料。您的消息已保存。需要为您转接人工吗？",
        "busy": "现在咨询的人较多，先给您一个简短的答复：",
        "stopped": "已停止。",
        "asked_for_person": "您已请求转接人工。",
        "back_to_bot": "您已回到 AI 助手。",
        "joined": "{agent} 已加入对话。",
        "passed_on": "正在为您转接另一位同事。",
        "closed_by": "{agent} 结束了本次对话。",
        "away_until": "我们的同事现在不在，将于{when}回来。您可以在下方留下电子邮箱，我们会通过邮件答复您；您也可以继续在这里留言。",
        "away_now": "我们的同事暂时都不在线。您可以在下方留下电子邮箱，我们会通过邮件答复您；您也可以继续在这里留言。",
        "long_wait": "等待时间比预期的长，目前还没有同事空闲。您的排队位置会保留。如果不想继续等待，请在下方留下电子邮箱，我们会通过邮件答复您。",
        "contact_kept": "谢谢。如果您已离开，我们会通过邮件答复您。",
        "weekdays": "星期一 星期二 星期三 星期四 星期五 星期六 星期日",
        "when_today": "今天 {time} ",
        "when_tomorrow": "明天 {time} ",
        "when_day": "{day} {time} ",
        "wish_person": "转接人工",
        "wish_rephrase": "换个问法",
        "your_order": "您的订单",
        "your_address": "您的电子邮箱",
        "your_phone": "您的电话号码",
        "your_card": "您的银行卡",
        "your_account": "您的银行账户",
    },
}

LANGUAGES = tuple(_PHRASES)


def phrase(key: str, language: str, **values: str) -> str:
    """The sentence `key` in `language`, in English where the product does not speak it. Raises KeyError for an unknown key."""
    return _PHRASES.get(language, _PHRASES[FALLBACK])[key].format(**values)


def speaks(language: str | None) -> bool:
    """Whether the product has its own sentences in that language."""
    return language in _PHRASES
