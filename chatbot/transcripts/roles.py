"""Words for roles in the exports of the world, and what they mean here. Knows no vendor's structure."""

from __future__ import annotations

from collections.abc import Mapping

from chatbot.transcripts.contract import RecordError
from chatbot.types import Role

_WORDS = {
    Role.CUSTOMER: "customer user client end-user enduser end_user human visitor contact lead requester guest consumer buyer "
    "caller incoming inbound kunde cliente usuario utilisateur 客户 用户 顾客 买家 usr",
    Role.AGENT: "agent admin support operator staff representative rep employee human_agent live_agent advisor adviser teammate "
    "outgoing outbound assistant gpt chatgpt model mitarbeiter agente conseiller 客服 坐席 卖家 sys_agent",
    Role.BOT: "bot chatbot agentbot agent_bot virtual_agent virtual_assistant answerbot robot automation 机器人",
    Role.NOTE: "note internal internal_note private private_note whisper 备注",
    Role.SYSTEM: "system activity event tool function function_call observation template info status developer 系统",
}
_BY_WORD = {word: role for role, words in _WORDS.items() for word in words.split()}


def parse_role(word: object, extra: Mapping[str, Role] | None = None) -> Role:
    """The role that a word stands for, in any case. "assistant" is an agent: training files know no other answering
    side.

    Raises RecordError for an unknown word.
    """
    if not isinstance(word, str):
        raise RecordError(f"a turn's role is {type(word).__name__}, not a word")
    plain = plain_word(word)
    role = (extra or {}).get(plain) or _BY_WORD.get(plain)
    if role is None:
        raise RecordError(
            f"role {word[:30]!r} is unknown; customer, agent, bot, note and system are known; "
            f"say what it is with --roles {plain[:30]}=ROLE"
        )
    return role


def plain_word(word: str) -> str:
    """A role word as it is looked up, and as the keys of `ReadOptions.roles` are written."""
    return word.strip().lower().replace(" ", "_")
