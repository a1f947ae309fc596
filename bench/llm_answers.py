"""How many plain questions a model answers rightly, as a voice assistant would be asked them."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass

from edgevoice.backends.protocols import Llm
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message

SYSTEM = (
    "You are edgevoice, a friendly voice assistant. Answer in one or two short spoken sentences."
)

EXAMPLES = (
    Message("user", "What is the capital of Spain?"),
    Message("assistant", "The capital of Spain is Madrid."),
    Message("user", "How are you?"),
    Message("assistant", "I am fine, thank you. How can I help you?"),
)
"""A talk to begin with, so that the model knows the tone."""

QUESTIONS = {
    "What is the capital of France?": r"is Paris\b",
    "What is the capital of Italy?": r"\bRome\b",
    "Why is the sky blue?": r"scatter",
    "How many days are there in a year?": r"\b365\b|three hundred",
    "How many hours are there in a day?": r"\b24\b|twenty[- ]four",
    "Who wrote Romeo and Juliet?": r"\bShakespeare\b(?!')",
    "Who painted the Mona Lisa?": r"Leonardo|da Vinci",
    "Who was the first person on the moon?": r"Armstrong",
    "How far away is the sun?": r"\b9[123](\.\d+)? million miles|\b1(49|50)(\.\d+)? million k",
    "Is it safe to drink sea water?": r"\b(no|not|n't)\b.{0,20}\b(safe|drink)|unsafe|\bno,",
    "How do airplanes fly?": r"\blift\b|\bwings?\b",
    "What is the largest animal in the world?": r"blue whale",
    "What is the fastest land animal?": r"cheetah",
    "What is the largest planet?": r"Jupiter",
    "What is the largest ocean?": r"Pacific",
    "How many legs does a spider have?": r"\b(8|eight)\b",
    "What is a computer?": r"device|machine",
    "What is the best way to learn a language?": r"practi[cs]|immers",
    "Where do penguins live?": r"Antarctic|southern",
    "What is seven times eight?": r"\b56\b|fifty[- ]six",
    "What is two plus two?": r"\b(4|four)\b",
    "What colour do you get from blue and yellow?": r"\bgreen\b",
    "What colour is a ripe banana?": r"\byellow\b",
    "How do plants eat?": r"photosynth|sunlight",
    "What is bread made of?": r"flour",
    "What is ice made of?": r"water",
    "How do magnets work?": r"\bpoles?\b|magnetic field|attract",
    "What should I wear when it rains?": r"rain ?coat|umbrella|jacket|waterproof",
    "What do bees make?": r"honey",
    "Where does milk come from?": r"\bcows?\b|mammal|mammary",
    "What language do people speak in Brazil?": r"Portuguese",
    "At what temperature does water boil?": r"\b100\b|\b212\b|hundred",
    "What does a doctor do?": r"patient|treat|health|ill|sick",
    "What is the opposite of hot?": r"\bcold\b",
    "How many minutes are there in an hour?": r"\b60\b|sixty",
    "In which country is Berlin?": r"Germany",
}
"""Each question with a pattern of what a right answer says. Written for this bench."""

MAX_TOKENS = 80


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of ``QUESTIONS``. ``loops`` are replies with a phrase of three said four times."""

    asked: int
    right: int
    loops: int
    median_words: float
    most_words: int
    wrong: dict[str, str]


def answers(llm: Llm, system: str = SYSTEM, examples: tuple[Message, ...] = EXAMPLES) -> Answers:
    """Ask ``llm`` every question, each in a talk of its own."""
    wrong, lengths, loops = {}, [], 0
    for question, pattern in QUESTIONS.items():
        talk = [Message("system", system), *examples, Message("user", question)]
        reply = "".join(llm.reply(talk, MAX_TOKENS, CancelScope()))
        words = reply.split()
        lengths.append(len(words))
        phrases = [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]
        loops += any(phrases.count(phrase) >= 4 for phrase in set(phrases))
        if not re.search(pattern, reply, re.IGNORECASE | re.DOTALL):
            wrong[question] = reply
    return Answers(
        asked=len(QUESTIONS),
        right=len(QUESTIONS) - len(wrong),
        loops=loops,
        median_words=statistics.median(lengths),
        most_words=max(lengths),
        wrong=wrong,
    )
