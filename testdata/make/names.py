#!/usr/bin/env python3
"""Make the model that tells names of words from names of chance, and measure it.

usage: names.py train [--words FILE]          writes src/detect/behaviour/names/english.bin
       names.py measure NAMES                 NAMES: a file of real domain names, one a line

The model is trained on a word list: Debian's wamerican-large (SCOWL), and each word joined to another, as names of domains
join them. For each pair of characters before it, what a letter costs in bits, times 16, in a byte:
-log2 of its frequency, smoothed with that after one character, and that with the one alone (20 pseudo-counts each).
`measure` prints how many names of the file, and of made-up ones of several kinds, are at or above a score.
"""
import argparse
import hashlib
import math
import pathlib
import random
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "src/detect/behaviour/names/english.bin"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SIZE = 27  # The edge of a word, and the letters.
PSEUDO = 20
# Bits, as in src/detect/behaviour/names.rs.
DIGIT_AFTER_DIGIT, DIGIT_AFTER_LETTER, LETTER_AFTER_DIGIT = 4.8, 6.0, 8.0
USUAL, FULL = 4.2, 10.0
LEAST = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "measure"])
    parser.add_argument("names", nargs="?")
    parser.add_argument("--words", default="/usr/share/dict/american-english-large")
    args = parser.parse_args()
    words = read_words(args.words)
    if args.what == "train":
        MODEL.write_bytes(train(words))
        print(f"{len(words)} words -> {MODEL.relative_to(ROOT)}")
    elif args.names:
        measure(pathlib.Path(args.names).read_text().split(), words)
    else:
        parser.error("measure needs a file of names")


def read_words(path):
    lines = (line.strip().lower() for line in open(path, encoding="utf-8"))
    return sorted({word for word in lines if re.fullmatch("[a-z]{2,}", word)})


def train(words):
    shuffled = [sorted(words, key=lambda word: hashlib.sha256((salt + word).encode()).digest()) for salt in "12"]
    joined = [first + second for first, second in zip(*shuffled)]
    threes = [[[0] * SIZE for _ in range(SIZE)] for _ in range(SIZE)]
    for word in words + joined:
        before = (0, 0)
        for number in [LETTERS.index(letter) + 1 for letter in word] + [0]:
            threes[before[0]][before[1]][number] += 1
            before = (before[1], number)
    twos = [[sum(threes[first][second][third] for first in range(SIZE)) for third in range(SIZE)]
            for second in range(SIZE)]
    ones = [sum(twos[second][third] for second in range(SIZE)) for third in range(SIZE)]
    costs = bytearray()
    for first in range(SIZE):
        for second in range(SIZE):
            for third in range(SIZE):
                alone = (ones[third] + 1) / (sum(ones) + SIZE)
                after_one = (twos[second][third] + PSEUDO * alone) / (sum(twos[second]) + PSEUDO)
                row = threes[first][second]
                after_two = (row[third] + PSEUDO * after_one) / (sum(row) + PSEUDO)
                costs.append(min(255, round(-math.log2(after_two) * 16)))
    return bytes(costs)


def score(model, label):
    bits = count = first = second = 0
    after_digit = False
    for letter in label:
        if letter.isdigit():
            bits += DIGIT_AFTER_DIGIT if after_digit else DIGIT_AFTER_LETTER
            first, second, after_digit = 0, 0, True
        elif letter in LETTERS:
            number = LETTERS.index(letter) + 1
            bits += LETTER_AFTER_DIGIT if after_digit else model[(first * SIZE + second) * SIZE + number] / 16
            first, second, after_digit = second, number, False
        else:
            first, second, after_digit = 0, 0, False
            continue
        count += 1
    if count < LEAST:
        return 0.0
    return min(1.0, max(0.0, (bits / count - USUAL) * math.sqrt(count) / FULL))


def measure(names, words):
    model = MODEL.read_bytes()
    # Of two labels, the first is what somebody chose.
    labels = [name.split(".")[0].lower() for name in names if name.count(".") == 1 and not name.startswith("xn--")]
    chance = random.Random(7)
    consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiouy"
    letters = lambda kinds, low, high: "".join(chance.choice(kinds) for _ in range(chance.randint(low, high)))
    kinds = {
        f"names of {names and 'the file'}": labels,
        "letters, 8 to 12": [letters(LETTERS, 8, 12) for _ in range(5000)],
        "letters, 12 to 20": [letters(LETTERS, 12, 20) for _ in range(5000)],
        "letters and digits, 10 to 16": [letters(LETTERS + "0123456789", 10, 16) for _ in range(5000)],
        "hex, 16": [letters("0123456789abcdef", 16, 16) for _ in range(5000)],
        "hex, 32": [letters("0123456789abcdef", 32, 32) for _ in range(5000)],
        "consonants and vowels in turn, 8 to 12": [
            "".join(chance.choice(vowels if at % 2 else consonants) for at in range(chance.randint(8, 12)))
            for _ in range(5000)],
        "two words": [chance.choice(words) + chance.choice(words) for _ in range(5000)],
    }
    bounds = [0.5, 0.63, 0.75]
    print("| names | number | " + " | ".join(f"{bound}" for bound in bounds) + " |")
    print("|---|---|" + "---|" * len(bounds))
    for kind, labels in kinds.items():
        scores = [score(model, label) for label in labels]
        shares = [sum(score >= bound for score in scores) / len(scores) for bound in bounds]
        print(f"| {kind} | {len(labels)} | " + " | ".join(f"{share:.2%}" for share in shares) + " |")


if __name__ == "__main__":
    sys.exit(main())
