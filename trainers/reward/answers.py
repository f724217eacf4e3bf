"""What a reward model reads: one answer at the end of one conversation."""

from typing import NamedTuple

from trainers.data.texts import Conversation, prompt_text


class Answer(NamedTuple):
    """A response and the messages before it."""

    messages: Conversation
    text: str

    @property
    def prompt(self) -> str:
        """The conversation as an encoder of single texts reads it, newest message first."""
        return prompt_text(self.messages)
