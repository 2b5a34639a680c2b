"""Who may reach what: every route of the app by six identities. A route without a row here fails the build.

Adding a route: one line in your area's section, `(method, path template): row`. A path parameter that is new gets its value in
VALUES; a route that needs a body or a state that fits gets `body=` and `before=`. Statuses are those of a call that is right in
every other way, so an identity that may do it sees its success.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import update

from chatbot.types import Conversation
from storage.audit import COMMAND, Actor
from storage.canned import Wording
from storage.lessons import Lesson
from storage.sessions import hash_token
from storage.tables import ConversationRow
from storage.taking import Hand
from storage.votes import Vote
from tests.fakes_ui import ANSWER
from tests.staff import House, Member, done, sign_in, team_id
from ui.identity import Identity, open_identity

SECRET = "My secret is plum"
OWN_TEAM, OTHER_TEAM = "Returns", "Shipping"
NO_PASSWORD = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"


class Who(StrEnum):
    """The identities."""

    ANONYMOUS = "anonymous"
    OTHER = "other customer"
    OWNER = "owner customer"
    AGENT = "agent"
    ELSEWHERE = "other team's agent"
    ADMIN = "admin"


TEAM = (Who.AGENT, Who.ELSEWHERE, Who.ADMIN)


@dataclass
class Scene:
    """One call: a customer's conversation that belongs to team "Returns", and who calls. Everything is made when asked for."""

    house: House
    who: Who
    _made: dict[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        return open_identity(self.house.parts.settings)

    @property
    def owner_token(self) -> str:
        return str(self._once("owner", self.identity.new_token))

    @property
    def conversation(self) -> str:
        """A conversation of the owner: a question (seq 1) and the bot's answer with sources (seq 2)."""
        return str(self._once("conversation", self._converse))

    @property
    def member(self) -> Member:
        """The caller of the team; an agent of "Returns" where the caller is a customer or nobody."""
        member = self._once("member", self._join)
        assert isinstance(member, Member)
        return member

    @property
    def headers(self) -> dict[str, str]:
        if self.who is Who.ANONYMOUS:
            return {}
        if self.who in (Who.OWNER, Who.OTHER):
            token = self.owner_token if self.who is Who.OWNER else self.identity.new_token()
            return {"cookie": f"{self.identity.cookie_name}={token}"}
        return self.member.headers

    def _converse(self) -> str:
        store, owner = self.house.store, self.identity.owner_of(self.owner_token)
        assert owner is not None
        made: Conversation = done(store.conversations.create_conversation(owner, "en"))
        message, _ = done(store.conversations.add_customer_message(made.id, owner, SECRET, "first"))
        done(store.conversations.add_reply(made.id, ANSWER, message.seq))
        team = update(ConversationRow).where(ConversationRow.id == made.id).values(team_id=team_id(store, OWN_TEAM))
        store.database.write(lambda c: c.execute(team)).result()
        return made.id

    def _join(self) -> Member:
        if self.who is Who.ADMIN:
            return sign_in(self.house.store, "admin", name="Ada Boss")
        return sign_in(self.house.store, "agent", OTHER_TEAM if self.who is Who.ELSEWHERE else OWN_TEAM)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


Body = Mapping[str, Any] | Callable[[Scene], Mapping[str, Any]] | None


@dataclass(frozen=True)
class Row:
    """The status for each identity, and what a right call consists of.

    before: brings the scene into the state that the route needs. endless: an event stream; only its head is read. tells: what
    the scene's customer said, or her team wrote, stands in the answer to the team's agent and to the admin.
    """

    anonymous: int
    other: int
    owner: int
    agent: int
    elsewhere: int
    admin: int
    body: Body = None
    query: str = ""
    before: Callable[[Scene], object] | None = None
    endless: bool = False
    tells: bool = False

    def status(self, who: Who) -> int:
        return int(getattr(self, who.name.lower()))


def everyone(status: int = 200, **call: Any) -> Row:
    return Row(*(status,) * 6, **call)


def customer(owner: int = 200, other: int = 404, **call: Any) -> Row:
    """A route of the customers: the team has no cookie of a customer, so to it there is nothing."""
    return Row(404, other, owner, 404, 404, 404, **call)


def page(agent: int = 200, elsewhere: int = 200, **call: Any) -> Row:
    """An HTML page of the team: whoever is not signed in is led to /login."""
    return Row(303, 303, 303, agent, elsewhere, 200, **call)


def admin_page(**call: Any) -> Row:
    return page(403, 403, **call)


def team(ok: int = 200, elsewhere: int | None = None, **call: Any) -> Row:
    """A JSON route of the team. elsewhere: an agent of another team, when it differs (404: not theirs to see)."""
    return Row(401, 401, 401, ok, ok if elsewhere is None else elsewhere, ok, **call)


def admins(ok: int = 200, **call: Any) -> Row:
    """A JSON route of the admins."""
    return Row(401, 401, 401, 403, 403, ok, **call)


Table = Mapping[tuple[str, str], Row]
ONE = "/api/v1/conversations/{conversation_id}"

CUSTOMERS: Table = {
    ("GET", "/healthz"): everyone(),
    ("GET", "/readyz"): everyone(),
    ("GET", "/metrics"): everyone(404),  # no metrics_token is set
    ("GET", "/widget.js"): everyone(404),  # no embed_origins are set
    ("GET", "/api/v1/openapi.json"): everyone(),
    ("POST", "/api/v1/conversations"): everyone(201),
    ("POST", f"{ONE}/messages"): customer(body={"text": "Hello", "client_message_id": "matrix"}),
    ("GET", f"{ONE}/messages"): customer(),
    ("POST", f"{ONE}/feedback"): customer(body={"seq": 2, "thumb": 1}),
    ("POST", f"{ONE}/rating"): customer(body={"stars": 5}),
    ("POST", f"{ONE}/person"): customer(),
    ("POST", f"{ONE}/contact"): customer(body={"address": "kim@mail.example"}),
    ("POST", f"{ONE}/stop"): customer(),
    ("GET", "/api/v1/me"): customer(other=200),  # each customer his own
    ("DELETE", "/api/v1/me"): customer(other=200),
    ("GET", "/chat/events/{conversation_id}"): customer(endless=True),
    ("GET", "/chat/download/chat.{kind}"): customer(other=200),
    ("MOUNT", "/chat/static/{version}"): everyone(),
    ("MOUNT", "/"): everyone(),
}


def has_password(scene: Scene) -> None:
    """The hash belongs to no password at all."""
    if scene.who in (Who.AGENT, Who.ELSEWHERE, Who.ADMIN):
        who = scene.member
        token_hash = hash_token(who.token)
        done(scene.house.store.credentials.set_password(who.user.id, NO_PASSWORD, COMMAND, keep=token_hash))


def a_new_user(_scene: Scene) -> Mapping[str, Any]:
    return {"name": "Bo Lind", "email": f"bo.{secrets.token_hex(6)}@shop.example"}


def a_new_team(_scene: Scene) -> Mapping[str, Any]:
    return {"name": secrets.token_hex(6), "languages": ["en"]}


def a_link(scene: Scene) -> str:
    return done(scene.house.store.links.for_user(sign_in(scene.house.store).user.id, COMMAND))


# --- A: people --------------------------------------------------------------------------------------------
USER = "/admin/api/users/{user_id}"
PEOPLE: Table = {
    ("GET", "/login"): Row(200, 200, 200, 303, 303, 303),  # whoever is signed in is led on
    ("POST", "/login"): everyone(401, body={"email": "nobody@shop.example", "password": "wrong"}),
    ("POST", "/login/code"): everyone(401, body={"code": "123456"}),  # no password was given before
    ("POST", "/logout"): everyone(303),
    ("GET", "/agents"): everyone(307),
    ("GET", "/admin"): everyone(307),
    ("GET", "/setup/{token}"): everyone(),  # whoever has the link: the token is the right
    ("POST", "/setup/{token}"): everyone(body={"password": "seven plum trees"}),
    ("GET", "/account"): page(),
    ("GET", "/account/api/me"): team(),
    ("POST", "/account/api/password"): team(
        422, body={"current": "wrong", "new": "seven plum trees"}, before=has_password
    ),
    ("POST", "/account/api/second-factor"): team(body={"password": ""}),
    ("POST", "/account/api/second-factor/proof"): team(422, body={"ticket": "none", "code": "123456"}),
    ("POST", "/account/api/second-factor/off"): team(body={"password": ""}),
    ("POST", "/account/api/sign-out-elsewhere"): team(),
    ("GET", "/admin/users"): admin_page(),
    ("GET", "/admin/api/users"): admins(),
    ("POST", "/admin/api/users"): admins(201, body=a_new_user),
    ("POST", USER): admins(body={"name": "Ann Low"}),
    ("POST", f"{USER}/link"): admins(),
    ("POST", f"{USER}/second-factor/off"): admins(),
    ("POST", f"{USER}/sign-out"): admins(),
    ("POST", "/admin/api/teams"): admins(201, body=a_new_team),
    ("POST", "/admin/api/teams/{team_id}"): admins(body=a_new_team),
    ("GET", "/admin/audit"): admin_page(),
    ("GET", "/admin/api/audit"): admins(),
}


# --- B: live desk -----------------------------------------------------------------------------------------
def in_own_hands(scene: Scene) -> None:
    if scene.who in (Who.AGENT, Who.ADMIN):
        hand = Hand(scene.member.user, COMMAND, scene.conversation)
        done(scene.house.store.desk.take(hand, lambda _language: "Somebody joined."))


def to_the_own_team(scene: Scene) -> Mapping[str, Any]:
    return {"team_id": team_id(scene.house.store, OWN_TEAM)}


def a_text(_scene: Scene) -> Mapping[str, Any]:
    return {"text": "I am looking into it.", "client_id": secrets.token_hex(8)}


TALK = "/agents/api/desk/conversations/{conversation_id}"
DESK: Table = {
    ("GET", "/agents/"): page(),
    ("GET", "/agents/api/events"): team(endless=True),
    ("GET", "/agents/api/desk/list"): team(query="?which=bot", tells=True),
    ("GET", "/agents/api/desk/counts"): team(),
    ("POST", "/agents/api/desk/gone"): team(body={"ids": ["never-was"]}),
    ("GET", "/agents/api/desk/colleagues"): team(),
    ("GET", TALK): team(elsewhere=404, tells=True),
    ("GET", f"{TALK}/facts"): team(elsewhere=404),
    ("POST", f"{TALK}/take"): team(elsewhere=404),
    ("POST", f"{TALK}/return"): team(elsewhere=404, before=in_own_hands),
    ("POST", f"{TALK}/close"): team(elsewhere=404, before=in_own_hands),
    ("POST", f"{TALK}/messages"): team(elsewhere=404, before=in_own_hands, body=a_text),
    ("POST", f"{TALK}/notes"): team(elsewhere=404, body=a_text),
    ("POST", f"{TALK}/transfer"): team(elsewhere=404, before=in_own_hands, body=to_the_own_team),
    ("POST", f"{TALK}/tags"): team(elsewhere=404, body={"tag": "boots"}),
    ("DELETE", f"{TALK}/tags"): team(elsewhere=404, body={"tag": "boots"}),
    ("POST", f"{TALK}/typing"): team(elsewhere=404),
}


# --- C: copilot, canned answers ---------------------------------------------------------------------------
def a_canned_answer(scene: Scene) -> str:
    """An answer of team "Returns", by an admin."""
    boss = sign_in(scene.house.store, "admin").user
    wording = Wording(secrets.token_hex(6), SECRET, None, team_id(scene.house.store, OWN_TEAM))
    return str(done(scene.house.store.canned.add(boss, Actor(boss.id, boss.name), wording)).id)


def returns_wording(scene: Scene) -> Mapping[str, Any]:
    return {"shortcut": secrets.token_hex(6), "text": "Hello!", "team_id": team_id(scene.house.store, OWN_TEAM)}


def said_something(scene: Scene) -> None:
    """The agent of the conversation's team has taken it and written under the client id "matrix"."""
    if scene.who in TEAM:
        member = scene.member if scene.who is not Who.ELSEWHERE else sign_in(scene.house.store, "agent", OWN_TEAM)
        actor = Actor(member.user.id, member.user.name)
        done(scene.house.store.desk.take(Hand(member.user, actor, scene.conversation), lambda _: "joined"))
        done(scene.house.store.desk.say(Hand(member.user, actor, scene.conversation, "matrix"), "30 days."))


OFFERS = "/agents/api/conversations/{conversation_id}"
CANNED = "/agents/api/canned"
COPILOT: Table = {
    ("GET", f"{OFFERS}/suggestions"): team(elsewhere=404),
    ("GET", f"{OFFERS}/draft"): team(elsewhere=404),
    ("GET", f"{OFFERS}/translation"): team(404, query="?seq=1&to=en"),  # no model is fit for it
    ("POST", f"{OFFERS}/uses"): team(
        elsewhere=404, body={"client_id": "matrix", "inserted": "30 days."}, before=said_something
    ),
    ("GET", "/agents/canned"): page(),
    ("GET", CANNED): team(before=a_canned_answer, tells=True),
    ("POST", CANNED): team(201, 403, body=returns_wording),
    ("POST", f"{CANNED}/{{canned_id}}"): team(200, 404, body=returns_wording),
    ("DELETE", f"{CANNED}/{{canned_id}}"): team(200, 404),
}


# --- D: archive and review --------------------------------------------------------------------------------
def a_verdict(scene: Scene) -> Mapping[str, Any]:
    return {"conversation": scene.conversation, "seq": 2, "verdict": "right", "why_shown": "uniform"}


ITEM = "/agents/api/review/items/{conversation_id}/{seq}"
ARCHIVE: Table = {
    ("GET", "/agents/transcripts"): page(),
    (
        "GET",
        "/agents/transcripts/{conversation_id}",
    ): page(),  # the frame only; what was said comes from the route below
    ("GET", "/agents/api/transcripts"): team(query="?q=plum", tells=True),
    ("GET", "/agents/api/transcripts/choices"): team(),
    ("GET", "/agents/api/transcripts/{conversation_id}"): team(elsewhere=404, tells=True),
    ("GET", "/agents/review"): page(),
    ("GET", "/agents/api/review/queue"): team(),
    ("GET", ITEM): team(elsewhere=404, tells=True),
    ("POST", "/agents/api/review/verdicts"): team(elsewhere=404, body=a_verdict),
}

# --- E: corrections and knowledge -------------------------------------------------------------------------
_LESSON = {"seq": 2, "question": "How long?", "answer": "Sixty days."}
_CORRECT = "/agents/api/corrections"
_KNOW = "/admin/api/knowledge"


def _correction(scene: Scene) -> Mapping[str, Any]:
    return {"conversation": scene.conversation, **_LESSON, "supersede": []}


def _a_correction(scene: Scene) -> str:
    """Of the scene's conversation, by somebody of its team."""
    user = sign_in(scene.house.store, "agent", OWN_TEAM).user
    lesson = Lesson("How long?", "Sixty days.", "en", "customer: How long?")
    place = (scene.conversation, 2)
    return str(done(scene.house.store.corrections.correct(user, Actor(user.id, user.name), place, lesson, [])).id)


def _idle(scene: Scene) -> None:
    """No work of an earlier call goes on."""
    client, headers = scene.house.client, sign_in(scene.house.store, "admin").headers
    client.post(f"{_KNOW}/job/cancel", headers=headers)
    while (job := client.get(f"{_KNOW}/job", headers=headers).json()["job"]) and job["state"] == "running":
        time.sleep(0.05)


def _a_passage(scene: Scene) -> str:
    user = sign_in(scene.house.store, "admin").user
    lesson = Lesson("How long?", "Sixty days.", "en", "customer: How long?")
    return done(scene.house.store.corrections.write(user, Actor(user.id, user.name), lesson)).passage_id


KNOWLEDGE: Table = {
    ("POST", _CORRECT): team(201, 404, body=_correction),
    ("GET", f"{_CORRECT}/of/{{conversation_id}}/{{seq}}"): team(200, 404),
    ("POST", f"{_CORRECT}/{{correction_id}}/undo"): team(200, 404),
    ("GET", "/admin/knowledge"): admin_page(),
    ("GET", f"{_KNOW}/passages"): admins(),
    ("POST", f"{_KNOW}/passages"): admins(
        201, body={"question": "How long?", "answer": "Sixty days.", "language": "en"}
    ),
    ("GET", f"{_KNOW}/passages/{{passage_id}}"): admins(),
    ("POST", f"{_KNOW}/passages/{{passage_id}}/edit"): admins(201, body={"answer": "Seventy days."}),
    ("POST", f"{_KNOW}/passages/{{passage_id}}/retire"): admins(body={}),
    ("POST", f"{_KNOW}/passages/{{passage_id}}/lift"): admins(409),  # it is in use
    ("GET", f"{_KNOW}/facts"): admins(),
    ("GET", f"{_KNOW}/corrections"): admins(),
    ("GET", f"{_KNOW}/versions"): admins(),
    ("POST", f"{_KNOW}/versions/{{index_version}}/verify"): admins(404),  # no index in the matrix
    ("POST", f"{_KNOW}/versions/{{index_version}}/rollback"): admins(404),
    ("POST", f"{_KNOW}/encoder/rollback"): admins(404, body={}),  # nor another encoder
    ("POST", f"{_KNOW}/index"): admins(202, before=_idle),
    ("GET", f"{_KNOW}/job"): admins(),
    ("POST", f"{_KNOW}/job/cancel"): admins(),
    ("GET", f"{_KNOW}/search"): admins(429, query="?query=boots"),  # no assistant in the matrix
    ("POST", f"{_KNOW}/upload"): admins(422, query="?name=export.jsonl", before=_idle),  # an empty file
    ("DELETE", f"{_KNOW}/upload"): admins(),
    ("POST", f"{_KNOW}/import"): admins(409, body={"upload": "somebodyelse"}),
}

# --- models -----------------------------------------------------------------------------------------------
_MODELS = "/admin/api/models"
_TOO_EARLY = {"pair": ["precedent", "base"], "question": "How long?"}


def _a_vote(scene: Scene) -> str:
    """Of another admin."""
    user = sign_in(scene.house.store, "admin").user
    vote = Vote("How long?", "en", ("base", "precedent"), "base", True)
    return str(done(scene.house.store.votes.cast(user, Actor(user.id, user.name), vote)))


MODELS: Table = {
    ("GET", "/admin/models"): admin_page(),
    ("GET", _MODELS): admins(),
    ("GET", f"{_MODELS}/versions/{{model_version}}"): admins(404),  # no version in the matrix
    ("POST", f"{_MODELS}/versions/{{model_version}}/verify"): admins(404),
    ("POST", f"{_MODELS}/rollback"): admins(404, body={"kind": "generator"}),
    ("GET", f"{_MODELS}/commands"): admins(),
    ("POST", f"{_MODELS}/commands"): admins(202, body={"wish": {"task": "evaluate", "version": "generator-0001"}}),
    ("GET", f"{_MODELS}/commands/{{command_id}}"): admins(404),
    ("POST", f"{_MODELS}/commands/{{command_id}}/interrupt"): admins(404),
    ("GET", f"{_MODELS}/contest"): admins(),
    ("GET", f"{_MODELS}/contest/question"): admins(),
    ("POST", f"{_MODELS}/contest/answers"): admins(429, body=_TOO_EARLY),  # no assistant in the matrix
    ("POST", f"{_MODELS}/contest/votes"): admins(409, body={"ticket": "gone", "better": "both"}),
    ("DELETE", f"{_MODELS}/contest/votes/{{vote_id}}"): admins(404),  # somebody else's
}

# --- F: gaps and overview ---------------------------------------------------------------------------------
NO_GROUP = {"group": 1}  # without an encoder nothing is grouped: reached, but there is no such group
OVERVIEW: Table = {
    ("GET", "/agents/gaps"): page(),
    ("GET", "/agents/api/gaps"): team(),
    ("POST", "/agents/api/gaps/answer"): team(404, body=NO_GROUP | {"question": "Kayaks?", "answer": "No."}),
    ("POST", "/agents/api/gaps/dismiss"): team(404, body=NO_GROUP),
    ("POST", "/agents/api/gaps/reopen"): team(404, body=NO_GROUP),
    ("GET", "/admin/"): admin_page(),
    ("GET", "/admin/api/figures"): admins(),
    ("GET", "/admin/api/figures/today"): admins(),
    ("GET", "/admin/api/figures/export"): admins(query="?format=json"),
}


# --- G: rights and data -----------------------------------------------------------------------------------
def this_person(**more: Any) -> Callable[[Scene], Mapping[str, Any]]:
    return lambda scene: {"by": "conversation", "value": scene.conversation, **more}


PLACE = "/admin/api/data"
DATA: Table = {
    ("GET", "/admin/data"): admin_page(),
    ("GET", f"{PLACE}/search"): admins(query="?text=plum", tells=True),
    ("POST", f"{PLACE}/kept"): admins(body=this_person()),
    ("POST", f"{PLACE}/person"): admins(body=this_person(notes=True)),
    ("POST", f"{PLACE}/erase"): admins(body=this_person(confirm="ERASE")),
    ("GET", f"{PLACE}/receipts"): admins(),
    ("GET", f"{PLACE}/retention"): admins(),
    ("GET", f"{PLACE}/export"): admins(query="?format=csv&what=live"),
}

ROWS: Table = {
    **CUSTOMERS, **PEOPLE, **DESK, **COPILOT, **ARCHIVE, **KNOWLEDGE, **MODELS, **OVERVIEW, **DATA,
}  # fmt: skip

# Path parameters: the name of each stands for the same kind of thing in every route.
VALUES: Mapping[str, Callable[[Scene], str]] = {
    "conversation_id": lambda scene: scene.conversation,
    "kind": lambda _scene: "json",
    "seq": lambda _scene: "2",
    "version": lambda scene: scene.house.parts.settings.data.name,
    "token": a_link,
    "canned_id": a_canned_answer,
    "correction_id": _a_correction,
    "passage_id": _a_passage,
    "index_version": lambda _scene: "v000009",
    "model_version": lambda _scene: "generator-0001",
    "command_id": lambda _scene: "20260101-120000-abcdef",
    "vote_id": _a_vote,
    "user_id": lambda scene: str(sign_in(scene.house.store).user.id),
    "team_id": lambda scene: str(team_id(scene.house.store, secrets.token_hex(6))),
}

# What the customer page takes from Gradio; every other route of Gradio's is 404 for everybody.
FROM_GRADIO: Table = {
    ("GET", "/"): everyone(),
    ("GET", "/theme.css"): everyone(),
    ("GET", "/gradio_api/theme.css"): everyone(),
    ("GET", "/gradio_api/startup-events"): everyone(),
    ("GET", "/static/{path:path}"): everyone(404),  # reached, but there is no such file
    ("GET", "/assets/{path:path}"): everyone(404),
    ("POST", "/gradio_api/component_server"): everyone(400, body={}),  # reached, but this calls no function
    ("POST", "/gradio_api/component_server/"): everyone(400, body={}),
}
