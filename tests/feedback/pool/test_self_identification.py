"""An answer that gives its model away is noticed, and one that merely uses a word is not."""

import pytest

from feedback.pool.self_identification import names_model


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I, House Coder, suggest a loop.", "House Coder"),
        ("house coder suggests a loop.", "House Coder"),
        ("My weights are called vicuna-13b-v1.5.", "lmsys/vicuna-13b-v1.5"),
        ("This is what GPT-4 would say.", "GPT-4"),
        ("I am Alpaca, a model.", "Alpaca"),
        ("As ChatGPT, I cannot smell.", "House Cook"),
        ("I’m Claude, happy to help.", "House Cook"),
        ("I am a language model trained by OpenAI.", "House Cook"),
        ("As an AI assistant developed by Anthropic I must decline.", "House Cook"),
    ],
)
def test_a_name_that_is_given_away_is_caught(text: str, label: str) -> None:
    assert names_model(text, label)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Alpaca wool is warm.", "Alpaca"),
        ("As a falcon does. This animal is called Koala.", "Peregrine"),
        ("Ask a coder in your house.", "House Coder"),
        ("Version v2 needs 13B rows of 4 columns.", "Commons Policy 13B v2 4"),
        ("Google Maps shows the way; Meta makes Quest.", "House Cook"),
        ("As Claude Monet said, I paint.", "House Cook"),
        ("Write it in Command line syntax.", "Command Light"),
        ("A GPT-40 is no model.", "GPT-4"),
        ("Go step by step, and be brief, creative and careful.", "SmolLM2 135M, step by step"),
        ("", "House Cook"),
    ],
)
def test_words_that_only_sound_like_a_model_are_not(text: str, label: str) -> None:
    assert not names_model(text, label)


@pytest.mark.parametrize(
    "text",
    [
        "As an AI developed by Mistral AI, I have no opinion.",
        "I'm an AI language model created and maintained by Google.",
        "I am CLAUDE, happy to help!",
        "I am Claude Sonnet, at your service.",
        "I am **Qwen**, a model.",
        "My name is _DeepSeek_.",
        "I was trained at Meta.",
        "OpenAI trained me to refuse that.",
        "My creators at Anthropic say so.",
        "As Google's language model, I cannot.",
        "As an AI assistant from Microsoft I must decline.",
        "Ｉ am ＣｈａｔＧＰＴ.",
        "I am Chat\u200bGPT.",
        "I'm Chat-GPT.",
        "I am a Llama-based model.",
        "Je suis un modèle de langage développé par Mistral.",
        "Je m’appelle Claude.",
        "Ich bin ein Sprachmodell, entwickelt von OpenAI.",
        "Soy un modelo de lenguaje desarrollado por Google.",
        "我是通义千问，由阿里云开发。",
        "作为OpenAI开发的模型，我不能。",
        "私はOpenAIによって開発されたモデルです。",
        "저는 OpenAI에서 개발한 모델입니다.",
        "Я языковая модель, разработанная OpenAI.",
        "Меня зовут Алиса.",
    ],
)
def test_an_answer_that_speaks_of_itself_is_caught_in_any_dress(text: str) -> None:
    assert names_model(text, "House Cook")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("This is gpt4 speaking.", ("GPT-4",)),
        ("HOUSE-CODER says hello.", ("House Coder",)),
        ("My weights are meta-llama/Llama-3.1-8B.", ("House Cook", "meta-llama/Llama-3.1-8B")),
        ("I am Llama-3.1-8B-Instruct.", ("Cook", "meta-llama/Llama-3.1-8B-Instruct")),
    ],
)
def test_any_name_that_a_model_goes_by_counts(text: str, names: tuple[str, ...]) -> None:
    assert names_model(text, *names)


BRIEF = ("SmolLM2 135M, brief", "SmolLM2 135M", "smollm2-135m-brief")


@pytest.mark.parametrize(
    "text",
    [
        "I am SmolLM.",
        "SmolLM is a small model.",
        "Ask SmolLM2 for more.",
        "My weights are SmolLM2-135M-Instruct.",
        "This was smollm2-135m.",
        "A helpful assistant named SmolLM, trained by Hugging Face.",
        "HuggingFace made me.",
        "Thanks go to Hugging Face.",
        "SmolLM2 135M, brief.",
    ],
)
def test_the_family_and_the_maker_of_a_house_model_count_anywhere(text: str) -> None:
    assert names_model(text, *BRIEF)


@pytest.mark.parametrize(
    "text",
    [
        "To be brief, the sky is blue.",
        "I am brief. Here it is, step by step.",
        "The tank holds 135M litres.",
        "She hugged me, face to face.",
        "A small LM is quick.",
    ],
)
def test_the_speciality_in_a_name_is_an_ordinary_word(text: str) -> None:
    assert not names_model(text, *BRIEF)
    assert not names_model(text, "SmolLM2 135M, step by step", "SmolLM2 135M, tuned on this pool")


def test_others_may_speak_of_the_house_models_and_not_pose_as_them() -> None:
    assert not names_model("SmolLM2 is small; Hugging Face has it.", "House Cook")
    assert names_model("I am SmolLM2, a model.", "House Cook")


@pytest.mark.parametrize(
    "text",
    [
        "Google was founded in 1998. I like its history.",
        "I am reading a book about Apple.",
        "As Meta announced, the price fell.",
        "Use the API developed by OpenAI for that.",
        "I was hired by Google in 2010.",
        "The llama is a camelid, as are alpacas.",
        "Gemini follows Taurus in the zodiac.",
        "A model trained by Anthropic would say more.",
        "Write to me at once.",
    ],
)
def test_makers_may_be_spoken_of(text: str) -> None:
    assert not names_model(text, "House Cook")
