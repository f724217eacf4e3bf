"""The self-identification check: an answer that gives its model or maker away is not blind.

Two things count: the model's own names, wherever they stand, and any assistant or maker where the
answer speaks of itself. A wrong name counts, too: it sways whoever believes it. Text is compared
as plain words, so that letters of another width, marks, and signs between the words hide nothing.
"""

import re
import unicodedata

from feedback.registry.models import ModelVersion

SHORTEST_TOKEN = 3  # letters of a token that names a model by itself, such as gpt-4

# All patterns are written for plain words: one space between them, no other signs.
MAKERS = (
    "open ?ai|anthropic|google|deep ?mind|meta|mistral|microsoft|alibaba|deep ?seek|cohere|x ?ai"
    "|zhipu|moonshot|baidu|tencent|bytedance|01 ai|nvidia|ibm|amazon|apple|hugging ?face|databricks"
    "|stability|nous research|ai2|allen institute|eleuther ?ai|lmsys|together|perplexity|yandex"
    "|naver|upstage|tii|minimax|stepfun|xiaomi|sber(?:bank)?"
)
ASSISTANTS = (
    r"chat ?gpt|gpt ?\d\w*|claude|bard|gemini|gemma|llama|alpaca|vicuna|koala|mistral|mixtral"
    r"|codestral|qwen|qwq|deep ?seek|falcon|dolly|grok|copilot|palm|open ?assistant|command r"
    r"|phi ?\d\w*|yi ?\d\w*|chat ?glm|glm ?\d\w*|kimi|ernie|hunyuan|doubao|minimax|nemotron|granite"
    r"|olmo|tulu|stable ?lm|mpt|dbrx|zephyr|wizard ?lm|hermes|gigachat|yandexgpt|алиса|гигачат"
)
CHINESE = (
    "通义千问|千问|文心一言|混元|豆包|阿里巴巴|阿里云|百度|腾讯|字节跳动|智谱|深度求索|谷歌|微软"
)
SIZES = (
    "Sonnet|Opus|Haiku|Pro|Flash|Ultra|Turbo|Large|Medium|Small|Nano|Mini|Instruct|Chat|Plus|Max"
)
MODEL = r"(?:(?:ai|large|language|chat) )*(?:model|assistant|chatbot|ai|bot)"
I_AM = (
    r"i am|i m|as|my name is|call me|you are (?:talking|chatting|speaking) (?:to|with)"
    r"|je suis|je m appelle|en tant que|ich bin|mein name ist|als|yo soy|soy|me llamo|como"
    r"|eu sou|sou|meu nome é|sono|mi chiamo|я|меня зовут|как|أنا"
)
MADE_BY = (
    r"(?:made|created|developed|trained|built|designed|released|provided|tuned|powered)"
    r"(?: and \w+)? (?:by|at)|from"
    r"|(?:développée?|créée?|entraînée?|conçue?) par|(?:entwickelt|trainiert|erstellt) von|von"
    r"|(?:desarrollad|cread|entrenad|desenvolvid|criad|treinad)[oa] (?:por|pela)"
    r"|(?:sviluppato|creato|addestrato) da|разработан\w*|создан\w*|обучен\w*"
)
SELF = (
    r"i am|i m|i was|as an?|je suis|en tant que|ich bin|ich wurde|als|soy|fui|como|eu sou|fui|sono"
    r"|come|я|меня|как"
)
INTRODUCTIONS = re.compile(
    # I am Claude · as ChatGPT · but not: as Claude Monet said
    rf"\b(?:{I_AM}) (?:(?:the|your|called|named|{MAKERS}|s) )*(?:{ASSISTANTS})\b"
    rf"(?! (?!{SIZES})(?-i:[A-Z][a-z]))"
    # I am a Llama model
    rf"|\b(?:{I_AM}) an? (?:{ASSISTANTS}) (?:based )?{MODEL}\b"
    # an AI assistant developed by Anthropic · I was trained at Meta
    rf"|\b(?:{SELF})\b.{{0,80}}?\b(?:{MADE_BY}) (?:\w+ at |the |a )?(?:{MAKERS})\b"
    # OpenAI trained me · my creators at OpenAI · Google's language model
    rf"|\b(?:{MAKERS}) (?:\w+ )?(?:made|created|developed|trained|built) me\b"
    rf"|\bmy (?:creators?|makers?|developers?)(?: at| from| is| are)? (?:{MAKERS})\b"
    rf"|\b(?:i am|i m|as) (?:{MAKERS}) s (?:\w+ )?{MODEL}\b"
    # scripts that put no space between words
    rf"|(?:我是|我叫|作为|我由|私は|저는|나는).{{0,12}}?(?:{ASSISTANTS}|{MAKERS}|{CHINESE})"
    rf"|(?:{MAKERS}) ?(?:が開発|によって(?:開発|訓練|作成)|에서 (?:개발|훈련)|이 개발)",
    re.IGNORECASE,
)
SENTENCE_ENDS = re.compile(r"[.!?](?=\s|$)|[。！？\n]")


def names_version(text: str, version: ModelVersion | None) -> bool:
    """Return whether an answer gives the version that wrote it away, or claims to be another."""
    names = (version.label, version.model.name, version.remote_name) if version else ()
    return names_model(text, *names)


def names_model(text: str, *names: str) -> bool:
    """Return whether the text holds one of the model's names, or introduces itself or its maker.

    A name of one plain word ("Alpaca") also means other things, so it counts only where the answer
    speaks of itself; a token with a number in it ("vicuna-13b") counts anywhere.
    """
    sentences = [_words(sentence) for sentence in SENTENCE_ENDS.split(text)]
    if any(INTRODUCTIONS.search(sentence) for sentence in sentences):
        return True
    everything = " ".join(sentences)
    return any(_holds(everything, name) for name in names if name)


def _holds(text: str, name: str) -> bool:
    plain = _words(name)
    tokens = [_words(token) for token in re.split(r"[\s/]+", name) if _is_distinctive(token)]
    anywhere = [plain, *tokens] if " " in name.strip() else tokens
    if any(_contains(text, each) for each in anywhere):
        return True
    return " " not in plain and _contains(text, plain, rf"\b(?:{I_AM}) ")


def _is_distinctive(token: str) -> bool:
    """Return whether a token names a model by itself: "gpt-4" does; "v2" and "13B" do not."""
    letters = sum(character.isalpha() for character in token)
    return letters >= SHORTEST_TOKEN and any(character.isdigit() for character in token)


def _contains(text: str, words: str, before: str = r"(?<!\w)") -> bool:
    pattern = r" ?".join(re.escape(word) for word in words.split())
    return bool(pattern) and bool(re.search(rf"{before}{pattern}(?!\w)", text, re.IGNORECASE))


def _words(text: str) -> str:
    """Return the words: compatible letters made one, invisible signs dropped, others a space."""
    letters = []
    for character in unicodedata.normalize("NFKC", text):
        kind = unicodedata.category(character)
        if kind[0] in "LNM":
            letters.append(character)
        elif kind != "Cf":
            letters.append(" ")
    return " ".join("".join(letters).split())
