"""The captioner's tokenizer: Llama's kind of BPE in which every word of the world is one token.

Words carry "▁" where a space stands before them; other text falls back to characters, and from there to bytes.
`tokenizer.json` is read by the tokenizers library as it is, and holds what LlamaTokenizer of transformers 5 makes of
its vocabulary ("▁" before the first word of a text only).
"""
import json
import string

UNKNOWN, BOS, EOS, IMAGE, PAD = "<unk>", "<s>", "</s>", "<image>", "<pad>"
SPACE = "▁"
MULTIPLE = 64  # embeddings are padded to it, as public checkpoints do


def split(word, ranks):
    """Byte pair encoding of one word: merge the pair of the lowest rank until none is left."""
    pieces = list(word)
    while True:
        pairs = [(ranks[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:])) if pair in ranks]
        if not pairs:
            return pieces
        i = min(pairs)[1]
        pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]


def build(words):
    """Vocabulary {token: id} and merges.

    Words are taken in turn; while the merges so far leave one in pieces, a merge of its first two pieces is appended.
    Later merges rank lower, so they never disturb the words before.
    """
    characters = [SPACE] + [c for c in string.printable if c.isprintable() and c != " "]
    tokens, ranks = [UNKNOWN, BOS, EOS] + [f"<0x{b:02X}>" for b in range(256)] + characters, {}
    for word in sorted(set(words), key=lambda w: (len(w), w)):
        while len(pieces := split(word, ranks)) > 1:
            ranks[(pieces[0], pieces[1])] = len(ranks)
            tokens.append(pieces[0] + pieces[1])
    tokens = list(dict.fromkeys(tokens)) + [IMAGE, PAD]
    return {token: i for i, token in enumerate(tokens)}, list(ranks)


def padded_size(vocabulary):
    return -(-len(vocabulary) // MULTIPLE) * MULTIPLE


def pieces_of(text):
    """Words and marks of a text as the tokenizer should see them: "Is it?" -> Is, ▁it, ?"""
    pieces = []
    for i, part in enumerate(text.split(" ")):
        word = part.rstrip("?.,:")
        pieces.append((SPACE if i else "") + word)
    return [p for p in pieces if p not in ("", SPACE)]


def words_of(scenes):
    """Every word that a training text can hold, with and without a space before where both occur."""
    text, world = scenes.spec["text"], scenes.world
    plain = ["a", "an", "and", "yes", "no", *scenes.names, *(plural(scenes, n) for n in scenes.names), *text["numbers"],
             *text["rows"], *text["columns"], "USER", "ASSISTANT"]
    plain += " ".join(world.backgrounds).split()
    words = [SPACE + w for w in plain] + ["USER"]
    for key in ("describe", "is_there", "how_many", "where"):
        for phrase in text[key]:
            phrase = phrase.format(a="a", object="dog", objects="dogs")
            words += pieces_of(phrase) + pieces_of("x " + phrase)
    words += pieces_of(text["short_answer"]) + pieces_of("x " + text["short_answer"])
    return [w for w in words if len(w) > 1]


def plural(scenes, name):
    return scenes.spec["text"]["plurals"].get(name, name + "s")


def tokenizer_json(words):
    vocabulary, merges = build(words)
    special = [t for t in (UNKNOWN, BOS, EOS, IMAGE, PAD)]
    model = {t: i for t, i in vocabulary.items() if t not in (IMAGE, PAD)}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": vocabulary[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for t in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": BOS, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": BOS, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": BOS, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {BOS: {"id": BOS, "ids": [vocabulary[BOS]], "tokens": [BOS]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": UNKNOWN, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": model, "merges": [list(m) for m in merges]},
    }


def load(words):
    from tokenizers import Tokenizer
    return Tokenizer.from_str(json.dumps(tokenizer_json(words), ensure_ascii=False))
