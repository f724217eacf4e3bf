"""Tiny sequence-classification checkpoints of several kinds, with real tokenizers."""

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

WORDS = (
    "explain algebra the sea bread contracts lungs violins bridges soil give me three facts about "
    "summarise write a short note on here is clear and careful explanation of with an example that "
    "you can check idk maybe google lol user assistant"
)
CHAT = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
WINDOW = 64
JOINING = {"pad_token": "<pad>", "cls_token": "<cls>", "sep_token": "<sep>"}


def words_tokenizer(specials: list[str], **settings: str) -> PreTrainedTokenizerFast:
    """Whole words, then single characters for what is none of them."""
    tokens = [*specials, *dict.fromkeys(WORDS.split()), *string.printable.strip()]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    if "<sep>" in specials:
        core.post_processor = processors.TemplateProcessing(
            single="<cls> $A <sep>",
            pair="<cls> $A <sep> $B:1 <sep>:1",
            special_tokens=[(token, vocabulary[token]) for token in ("<cls>", "<sep>")],
        )
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", **settings)


def tiny_bert(folder: Path) -> Path:
    """An encoder that joins two texts and tells them apart."""
    tokenizer = words_tokenizer(
        ["<pad>", "<unk>", "<cls>", "<sep>"],
        pad_token="<pad>",
        cls_token="<cls>",
        sep_token="<sep>",
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
    )
    return saved(BertForSequenceClassification(config).bert, tokenizer, folder)


def tiny_roberta(folder: Path) -> Path:
    """An encoder whose first positions belong to padding, with a head of two layers."""
    tokenizer = words_tokenizer(
        ["<cls>", "<pad>", "<sep>", "<unk>"],
        pad_token="<pad>",
        cls_token="<cls>",
        sep_token="<sep>",
    )
    torch.manual_seed(1)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW + 2,
        pad_token_id=1,
    )
    return saved(RobertaForSequenceClassification(config).roberta, tokenizer, folder)


def tiny_llama(folder: Path, *, chat: bool = True) -> Path:
    """A decoder without a token to pad with, with or without a chat template."""
    tokenizer = words_tokenizer(["<unk>", "</s>", "<user>", "<assistant>"], eos_token="</s>")
    if chat:
        tokenizer.chat_template = CHAT
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        pad_token_id=None,
    )
    return saved(LlamaForSequenceClassification(config).model, tokenizer, folder)


def saved(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
