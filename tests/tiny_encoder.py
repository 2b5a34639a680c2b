"""A sentence encoder of a few thousand weights in sentence-transformers' layout, and conversations that it can learn."""

from __future__ import annotations

import random
from pathlib import Path

from chatbot.retrieval.encoder_files import EncoderFiles, describe
from chatbot.types import Passage

_WORDS = "where is my parcel how do i return boots can pay by invoice tent hole fly sheet ship norway wash jacket the a please now"
_SYLLABLES = ("ba", "ko", "mi", "ru", "ze", "lo", "ta", "ni", "su", "ve")
TOPICS = (
    ("where is my parcel", "Your parcel is on its way to you."),
    ("how do i return boots", "You can send them back within 30 days."),
    ("can i pay by invoice", "Yes, an invoice is possible."),
    ("my tent has a hole", "We send a new fly sheet, sorry."),
    ("do you ship to norway", "We ship there in seven days."),
    ("how to wash the jacket", "Wash it gently at low heat."),
)


def make_encoder(folder: Path) -> EncoderFiles:
    """Random weights, the same at every call: 2 layers of 32."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = sorted({word for text in (_WORDS, *(part for topic in TOPICS for part in topic)) for word in _cut(text)})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    listed = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *letters, *(f"##{one}" for one in letters)])
    vocabulary = {token: at for at, token in enumerate(listed)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    with torch.no_grad():  # words outweigh places: texts with other words lie apart, as with a trained encoder
        model.embeddings.word_embeddings.weight *= 8
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return describe(folder, "tiny")


def conversations(count: int, seed: int = 1, language: str = "en") -> list[Passage]:
    """One question each: a topic's answer is always the same, and one word of the question out of four tells the topic."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        asked, answer = TOPICS[number % len(TOPICS)]
        words = ["".join(rng.choices(_SYLLABLES, k=2)) for _ in range(4)] + [rng.choice(_telling(asked))]
        rng.shuffle(words)
        question = " ".join(words)
        made.append(
            Passage(
                id=f"{language}{number:08x}",
                conversation_id=f"{language}-{number}",
                turn_id=1,
                language=language,
                question=question,
                window=f"customer: {question}",
                answer=answer,
                source="test",
            )
        )
    return made


def _telling(asked: str) -> list[str]:
    """Four words that stand in no other topic's questions, made from the topic's own."""
    word = max(asked.split(), key=len)
    return [word, word[::-1], word[1:] + word[0], word[2:] + word[:2]]


def _cut(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in text.lower()).split()
