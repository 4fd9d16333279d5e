"""What is asked on an earlier turn: the rest of it, a better reply, the same again."""

from __future__ import annotations

from dataclasses import replace

from nemotron_magic.conversation import Conversation, in_its_place
from nemotron_magic.errors import InputError
from nemotron_magic.markdown.seam import joined
from nemotron_magic.reply import Reply
from nemotron_magic.turns import Asked, Turn

__all__ = ["asked_again", "correction", "rest_of", "turn_to_go_on_with"]

_CONTINUE = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating any of "
    "it and without a preface."
)


def turn_to_go_on_with(conversation: Conversation, thread: str) -> Turn:
    """Give the turn whose reply was cut off.

    Raises
    ------
    InputError
        If there is no last reply, or it is empty or whole.
    """
    cut = conversation.latest(thread)
    if cut is None or not cut.reply.strip():
        raise InputError(
            "there is no reply to go on with",
            "nothing was sent",
            "For a first one, ask: %nemotron why is this slow?",
        )
    if not cut.reply.is_cut_off:
        raise InputError(
            "the last reply is whole, so there is nothing to go on with",
            "nothing was sent",
            "For more of it, ask: %nemotron tell me more",
        )
    return cut


def rest_of(conversation: Conversation, cut: Turn, thread: str, system: str) -> Asked:
    """Ask for the rest of a reply; it becomes whole in its turn."""

    def whole(reply: Reply) -> Reply:
        # The request was for the rest alone.
        details = replace(reply.details, request_hash="")
        return Reply(joined(cut.reply, reply), details)

    return conversation.follow_up(cut, _CONTINUE, thread, system, whole)


def correction(
    conversation: Conversation, complaint: str, thread: str, system: str
) -> Asked:
    """Tell the model what is wrong with its last reply.

    Raises
    ------
    InputError
        If there is no last reply.
    """
    wrong = conversation.latest(thread)
    if wrong is None or not wrong.reply.strip():
        raise InputError("there is no reply to correct")
    return conversation.follow_up(wrong, complaint, thread, system)


def asked_again(
    conversation: Conversation, wish: str, thread: str, system: str
) -> Asked:
    """Ask the last question again, also one that failed.

    Parameters
    ----------
    wish : str
        What to do otherwise this time; empty for nothing.

    Raises
    ------
    InputError
        If nothing has been asked in this thread.
    """
    asked = conversation.asked_last(thread)
    if asked is None:
        raise InputError(
            "there is no question to ask again",
            todo="Type one: %nemotron why is this slow?",
        )
    wish, before = wish.strip(), conversation.latest(thread)
    if wish and before is not None and before.reply.strip():
        told = f"Answer the question again: {wish}"
        return conversation.follow_up(before, told, thread, system)
    if wish:
        last = asked.told[-1]
        more = {**last, "content": f"{last['content']}\n\n{wish}"}
        asked = replace(asked, told=(*asked.told[:-1], more))
    if before is not None:
        asked = replace(asked, turns_with=in_its_place(before))
    return replace(asked, is_anew=True)
