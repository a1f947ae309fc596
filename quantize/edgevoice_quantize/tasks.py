"""What a voice assistant is asked, and how many of these questions a model answers rightly."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from edgevoice.backends.protocols import Llm
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice_quantize.held_out import Item

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
    "What is the capital of Japan?": r"Tokyo",
    "What is the capital of Egypt?": r"Cairo",
    "Who wrote Hamlet?": r"\bShakespeare\b(?!')",
    "What is the colour of grass?": r"\bgreen\b",
    "What is ten minus three?": r"\b(7|seven)\b",
    "How many days are there in a week?": r"\b(7|seven)\b",
    "How many months are there in a year?": r"\b(12|twelve)\b",
    "Which animal says meow?": r"\bcats?\b",
    "What do cows eat?": r"grass|hay",
    "What gas do we breathe in?": r"oxygen|\bair\b",
    "What planet do we live on?": r"\bearth\b",
    "What is the opposite of up?": r"\bdown\b",
    "Who was the first president of the United States?": r"Washington",
    "What is the currency of the United Kingdom?": r"\bpound",
    "What is the main language in Germany?": r"\bGerman\b",
    "On which continent is Kenya?": r"Africa",
    "What is the hottest season?": r"summer",
    "What do you use to cut paper?": r"scissors|knife|blade",
    "What is the name of our star?": r"\bsun\b",
    "What is wine made of?": r"grape",
    "What is a baby dog called?": r"pupp",
    "Which organ pumps blood?": r"\bheart\b",
    "What does a baker make?": r"bread|cake|pastr",
    "What is the capital of Spain's neighbour Portugal?": r"Lisbon",
}
"""Each question with a pattern of what a right answer says. Written for this project."""

MAX_TOKENS = 80


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of the questions. ``loops`` are replies with a phrase of three said four times."""

    asked: int
    right: int
    loops: int
    median_words: float
    most_words: int
    wrong: dict[str, str]


def held_out() -> dict[str, str]:
    """Return the questions that would not be taken for calibration, were they asked there."""
    return {q: a for q, a in QUESTIONS.items() if not Item(q, "").for_calibration}


def answers(
    llm: Llm,
    system: str = SYSTEM,
    examples: tuple[Message, ...] = EXAMPLES,
    questions: Mapping[str, str] = QUESTIONS,
) -> Answers:
    """Ask ``llm`` every one of ``questions``, each in a talk of its own."""
    wrong, lengths, loops = {}, [], 0
    for question, pattern in questions.items():
        talk = [Message("system", system), *examples, Message("user", question)]
        reply = "".join(llm.reply(talk, MAX_TOKENS, CancelScope()))
        words = reply.split()
        lengths.append(len(words))
        phrases = [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]
        loops += any(phrases.count(phrase) >= 4 for phrase in set(phrases))
        if not re.search(pattern, reply, re.IGNORECASE | re.DOTALL):
            wrong[question] = reply
    return Answers(
        asked=len(questions),
        right=len(questions) - len(wrong),
        loops=loops,
        median_words=statistics.median(lengths),
        most_words=max(lengths),
        wrong=wrong,
    )
