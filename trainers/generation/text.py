"""The text of an answer, piece by piece as it can be shown, in time linear in its length."""

from collections.abc import Sequence

from tokenizers.decoders import DecodeStream

from trainers.chat import Chat


class AnswerText:
    """Decodes an answer token by token, and looks for the texts that end it.

    What may still turn into a whole character or a stop text is held back.
    """

    def __init__(self, chat: Chat, stops: Sequence[str] = ()) -> None:
        self._chat = chat
        self._tokenizer = chat.tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        # The space behind the colon of the plain format's last line, as in `Chat.decode`.
        self._lead = "" if chat.has_template else " "
        self._stops = stops
        self._tokens: list[int] = []
        self._decoded = 0  # characters of the answer so far, shown or held
        self._held = ""  # of these, those that have not been shown
        self.is_stopped = False

    @property
    def tokens(self) -> int:
        """Return how many tokens have been pushed."""
        return len(self._tokens)

    def push(self, token: int) -> str:
        """Return the text to show after a token; sets `is_stopped` where a stop text begins."""
        self._tokens.append(token)
        piece = self._stream.step(self._tokenizer, token) or ""
        if piece:
            piece, self._lead = piece.removeprefix(self._lead), ""
        self._decoded += len(piece)
        return self._shown(piece)

    def end(self) -> str:
        """Return the text that is left: what was held back, and an unfinished character.

        By decoding everything once more: a stream does not give away its unfinished bytes.
        """
        if self.is_stopped:
            return ""
        shown = self._shown(self._chat.decode(self._tokens)[self._decoded :])
        left, self._held = shown + self._held, ""
        return left

    def _shown(self, piece: str) -> str:
        """Return what of the held text and a piece can be shown; the rest is held."""
        text = self._held + piece
        found = [start for stop in self._stops if (start := text.find(stop)) >= 0]
        if found:
            self.is_stopped, self._held = True, ""
            return text[: min(found)]
        ready = len(text) - self._begun(text)
        self._held = text[ready:]
        return text[:ready]

    def _begun(self, text: str) -> int:
        """Return how many characters at the end may be the beginning of a stop text."""
        begun = [
            length
            for stop in self._stops
            # Proper beginnings alone: a whole stop text would have been found before.
            for length in range(1, min(len(stop), len(text) + 1))
            if text.endswith(stop[:length])
        ]
        return max(begun, default=0)
