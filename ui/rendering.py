"""Draws a conversation as HTML: pure functions from messages to markup. Must not know HTTP, the store or Gradio.

The list is our own markup and not `gr.Chatbot`: a message here has a named speaker, numbered sources, a mode, reasons
for a thumb and quick replies, keeps its open parts on a redraw, and is announced once to a screen reader. Everything
that anyone wrote goes through `escape` or `ui.prose`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from html import escape

from chatbot.phrases import phrase
from chatbot.types import Conversation, Message, Mode, Place, Reply, Role, Status
from ui.icons import icon
from ui.prose import plain
from ui.sources import Words, cited, mode_label, source_list

DRAWN = 100
REASONS = ("why_wrong", "why_offtopic", "why_old", "why_unclear")


def thread(
    conversation: Conversation | None,
    messages: Sequence[Message],
    words: Words,
    examples: Sequence[str],
    place: Place | None = None,
    ask_address: bool = False,
) -> str:
    """The whole list: a welcome with examples while it is empty, else the messages and what follows them.

    place: where it stands in the line for a person, if somebody works it off. ask_address: nobody is there, or not soon, so that
    the customer may leave an e-mail address.
    """
    if conversation is None or (not messages and conversation.status is Status.BOT):
        return welcome(words, examples)
    shown = messages[-DRAWN:]
    open_for_replies = conversation.status is Status.BOT
    rows = [] if len(shown) == len(messages) else [_row("earlier", "event", f"<p>{escape(words['earlier'])}</p>")]
    unread = _unread(shown) if conversation.status is Status.WAITING else None
    rows += [
        message_row(m, words, last=m is shown[-1] and open_for_replies, note="saved_for_person" if m is unread else "")
        for m in shown
    ]
    rows += [tail] if (tail := _tail(conversation, words, place)) else []
    if ask_address:
        rows.append(_row("contact", "standing", _contact_form(words)))
    return "".join(rows)


def welcome(words: Words, examples: Sequence[str]) -> str:
    cards = "".join(
        f'<button type="button" class="example" data-say="{escape(text)}"><span dir="auto">{escape(text)}</span>'
        f"{icon('arrow')}</button>"
        for text in examples[:4]
    )
    group = (
        f'<div class="examples" role="group" aria-label="{escape(words["examples"])}">{cards}</div>' if cards else ""
    )
    hint = f"<p>{escape(words['welcome_hint'])}</p>" if cards else ""
    return _row("welcome", "welcome", f'<h2 tabindex="-1">{escape(words["welcome"])}</h2>{hint}{group}')


def message_row(message: Message, words: Words, last: bool = False, note: str = "") -> str:
    """One message. last: it is the newest and the bot listens, so its quick replies are offered. note: the string that says
    what becomes of a customer's message."""
    if message.role is Role.SYSTEM:
        return _row(f"m{message.seq}", "event", f'<p dir="auto">{escape(message.text)}</p>')
    if message.role is Role.CUSTOMER:
        label = f'<span class="sr">{escape(words["you"])}: </span>'
        bubble = f'<div class="bubble" dir="auto">{label}{plain(message.text)}</div>'
        client = f' data-client="{escape(message.client_message_id or "")}"'
        state = f'<span class="at kept" role="status">{icon("check")}{escape(words[note])}</span>' if note else ""
        return _row(f"m{message.seq}", "customer", bubble + (state or _time(message.created_at)), client)
    if message.role is Role.AGENT:
        return _row(f"m{message.seq}", "agent", _agent(message, words), _say_attribute(message, words))
    return _row(f"m{message.seq}", "bot", _bot(message, words, last), _say_attribute(message, words))


def _agent(message: Message, words: Words) -> str:
    name = message.author or words["agent"]
    face = f'<span class="face human" aria-hidden="true">{escape(name[:1].upper())}</span>'
    who = f'<p class="who"><bdi>{escape(name)}</bdi><span class="tag">{escape(words["agent_is_human"])}</span></p>'
    bubble = f'<div class="bubble" dir="auto">{plain(message.text)}</div>'
    return f'{face}<div class="said">{who}{bubble}{_time(message.created_at)}</div>'


def _bot(message: Message, words: Words, last: bool) -> str:
    reply = message.reply
    face = f'<span class="face" aria-hidden="true">{icon("spark")}</span>'
    who = f'<p class="who">{escape(words["bot_says"])}</p>'
    inside = cited(message.text, reply.sources) + source_list(reply.sources, words) if reply else plain(message.text)
    bubble = f'<div class="bubble" dir="auto">{inside}</div>'
    quick = _quick_replies(reply) if reply and last else ""
    return f'{face}<div class="said">{who}{bubble}{_under(message, words)}{quick}</div>'


def _under(message: Message, words: Words) -> str:
    """The quiet line below a bot's bubble: how the answer came about, copy, thumbs."""
    reply = message.reply
    notes = [mode_label(reply, words)] if reply else []
    if reply and reply.partial:
        notes.append(f'<span class="mode">{escape(words["partial"])}</span>')
    if reply and reply.mode is Mode.FIXED:
        return ""  # a sentence of the product's own: nothing to keep, nothing to judge
    tools = _tool("copy", "copy", words["copy"])
    if reply:
        tools += _thumb(message, 1, "thumb-up", words["helpful"])
        tools += _thumb(message, -1, "thumb-down", words["not_helpful"])
    reasons = _reasons(message, words) if message.thumb == -1 else ""
    return f'<div class="under">{"".join(notes)}<span class="tools">{tools}</span></div>{reasons}'


def _unread(shown: Sequence[Message]) -> Message | None:
    """The customer's newest message, if nobody has answered it."""
    spoken = [message for message in shown if message.role is not Role.SYSTEM]
    return spoken[-1] if spoken and spoken[-1].role is Role.CUSTOMER else None


def _thumb(message: Message, value: int, name: str, label: str) -> str:
    pressed = "true" if message.thumb == value else "false"
    return _tool("thumb", name, label, f' data-thumb="{value}" data-seq="{message.seq}" aria-pressed="{pressed}"')


def _reasons(message: Message, words: Words) -> str:
    """Why an answer was not helpful; the script shows it after the thumb and hides it when it is done with."""
    chips = "".join(
        f'<button type="button" class="chip" data-do="reason" data-seq="{message.seq}" data-reason="{key}" '
        f'aria-pressed="false">{escape(words[key])}</button>'
        for key in REASONS
    )
    why, more = escape(words["why"]), escape(words["why_comment"])
    return (
        f'<form class="reasons" data-seq="{message.seq}" aria-label="{why}" hidden><p>{why}</p>{chips}'
        f'<div class="why"><textarea name="comment" rows="1" maxlength="1000" aria-label="{more}" placeholder="{more}">'
        f'</textarea><button type="submit" class="button">{escape(words["why_send"])}</button>'
        f"{_tool('close_reasons', 'close', words['close'])}</div></form>"
    )


def _quick_replies(reply: Reply) -> str:
    """Chips below the newest reply. Those that are no message act at once: one asks for a person, one gives the field."""
    acts = {phrase("wish_person", reply.language): "person", phrase("wish_rephrase", reply.language): "focus"}
    chips = "".join(_chip(text, acts.get(text)) for text in reply.quick_replies[:4])
    return f'<div class="quick">{chips}</div>' if chips else ""


def _chip(text: str, action: str | None) -> str:
    does = f'data-do="{action}"' if action else f'data-say="{escape(text)}"'
    return f'<button type="button" class="chip" dir="auto" {does}>{escape(text)}</button>'


def _tail(conversation: Conversation, words: Words, place: Place | None) -> str:
    """What follows the last message: where the conversation stands when the bot does not own it. place: None where nobody
    can say when it is the customer's turn."""
    name = escape(conversation.agent or words["agent"])
    if conversation.status is Status.WAITING:
        back = f'<button type="button" class="chip" data-do="bot">{escape(words["back_to_bot"])}</button>'
        told = words["status_waiting"] if place is None else _place(place, words)
        lines = f'<p><strong role="status">{escape(told)}</strong> {escape(words["waiting_line"])}</p>'
        kept = words["contact_kept"].replace("{address}", f"<bdi>{escape(conversation.contact or '')}</bdi>")
        contact = f'<p class="kept-address">{kept}</p>' if conversation.contact else ""
        return _row("tail", "standing", f"{icon('clock')}{lines}{back}{contact}")
    if conversation.status is Status.HUMAN:
        return _row(
            "tail", "standing", f"{icon('person')}<p>{escape(words['human_line']).replace('{agent}', name)}</p>"
        )
    if conversation.status is Status.CLOSED:
        thanks = f"<p>{escape(words['rated'])}</p>" if conversation.rating else rating_form(words)
        again = f'<button type="button" class="button" data-do="new_chat">{escape(words["new_chat"])}</button>'
        return _row("tail", "ended", f"<p>{escape(words['closed_line'])}</p>{thanks}{again}")
    return ""


def _place(place: Place, words: Words) -> str:
    key = ("queue_next", "queue_one")[place.before] if place.before < 2 else "queue_many"
    line = words[key].replace("{n}", str(place.before))
    return line if place.usual_s is None else words["queue_wait"].format(line=line, wait=_about(place.usual_s, words))


def _about(seconds: float, words: Words) -> str:
    """A wait as people tell it: minutes to ten, then in steps of five, then hours."""
    minutes = max(1, round(seconds / 60))
    if minutes > 10:
        minutes = 5 * round(minutes / 5)
    if minutes < 60:
        return words["wait_minute"] if minutes == 1 else words["wait_minutes"].replace("{n}", str(minutes))
    hours = round(minutes / 60)
    return words["wait_hour"] if hours == 1 else words["wait_hours"].replace("{n}", str(hours))


def _contact_form(words: Words) -> str:
    label = escape(words["contact_label"])
    return (
        f'<form class="contact" novalidate><label for="chat-contact">{label}</label>'
        f'<input id="chat-contact" name="address" type="email" inputmode="email" autocomplete="email" maxlength="254" '
        f'placeholder="{escape(words["contact_placeholder"])}">'
        f'<button type="submit" class="button">{escape(words["contact_send"])}</button></form>'
    )


def rating_form(words: Words) -> str:
    stars = "".join(
        f'<button type="button" class="star" data-star="{n}" aria-label="{escape(words["stars"].format(n=n))}" '
        f'aria-pressed="false">{icon("star")}</button>'
        for n in range(1, 6)
    )
    return (
        f'<form class="rating"><h3>{escape(words["rate_title"])}</h3><div class="stars" role="group" '
        f'aria-label="{escape(words["rate_title"])}">{stars}</div><textarea name="comment" rows="2" maxlength="1000" '
        f'aria-label="{escape(words["comment"])}" placeholder="{escape(words["comment"])}"></textarea>'
        f'<button type="submit" class="button primary" disabled>{escape(words["rate_send"])}</button></form>'
    )


def _row(key: str, kind: str, inside: str, attributes: str = "") -> str:
    """A list item that a redraw replaces only when its content changed."""
    version = hashlib.sha256(f"{inside}{attributes}".encode("utf-8", "replace")).hexdigest()[:12]
    return f'<li class="row {kind}" data-key="{key}" data-version="{version}"{attributes}>{inside}</li>'


def _say_attribute(message: Message, words: Words) -> str:
    who = words["bot_says"] if message.role is Role.BOT else message.author or words["agent"]
    return f' data-who="{escape(who)}" data-said="{escape(message.text)}"'


def _tool(action: str, name: str, label: str, attributes: str = "") -> str:
    return (
        f'<button type="button" class="tool" data-do="{action}"{attributes} aria-label="{escape(label)}" '
        f'title="{escape(label)}">{icon(name)}</button>'
    )


def _time(moment: datetime) -> str:
    return f'<time class="at" datetime="{moment.isoformat()}"></time>'
