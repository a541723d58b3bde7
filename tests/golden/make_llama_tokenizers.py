"""Tokenizer folders of language models, trained here by the rules of published ones, with ids and decodings of many strings.

Each folder of llama_tokenizers/ is one kind; README.md beside them says what they are. The reference of the folders with a
tokenizer.json is what the file says (TokenizersBackend); that of the folders without one is the class of transformers 5.
Those with a SentencePiece model get their strings from make_sentencepiece.py.
"""

import json
import os
import shutil
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GPT2Tokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer
from transformers.convert_slow_tokenizer import SentencePieceExtractor

from llama_strings import strings

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "llama_tokenizers")
CORPUS = os.path.join(HERE, "tokenizer_corpus.txt")

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def write(folder, name, value, indent=None):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as f:
        json.dump(value, f, ensure_ascii=False, indent=indent, separators=(",", ":") if indent is None else None)
        f.write("\n")


def fresh(kind):
    folder = os.path.join(ROOT, kind)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def token(content, **options):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **options}


# What every folder adds: a picture token as LLaVA has it, and tokens with each option.
ADDED = [token("<image>"), token("<pad>"), token("<|end|>"), token("<left>", lstrip=True), token("<right>", rstrip=True),
         token("whole", single_word=True, special=False), token("<word>", special=False, normalized=True)]


def train_sentencepiece(folder, kind, size):
    # The model keeps the names of its input and output: they must be the same everywhere.
    shutil.copy(CORPUS, os.path.join(folder, "corpus.txt"))
    os.chdir(folder)
    sentencepiece.SentencePieceTrainer.train(
        input="corpus.txt", model_prefix="tokenizer", model_type=kind, vocab_size=size, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        character_coverage=0.995, allow_whitespace_only_pieces=True, max_sentencepiece_length=16, minloglevel=2, num_threads=1)
    os.chdir(HERE)


def llama_backend(model, prefix):
    """Llama-2's stages; `prefix`: how the space in front of the text comes about."""
    extracted = SentencePieceExtractor(model).extract(models.BPE)
    vocab, merges = extracted["vocab"], extracted["merges"]
    backend = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if prefix == "normalizer":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme=prefix, split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                         decoders.Strip(" ", 1, 0)])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    backend.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    return backend


def add_tokens(backend):
    backend.add_tokens([AddedToken(**t) for t in ADDED])


def byte_level_backend(splits, ignore_merges, normalizer=None, specials=("<|begin|>", "<|eot|>")):
    backend = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(splits)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    backend.train([CORPUS], trainer)
    backend.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in specials])
    return backend


def merges_as_text(folder):
    """The older form of merges: "a b" instead of ["a", "b"]."""
    path = os.path.join(folder, "tokenizer.json")
    with open(path, encoding="utf-8") as f:
        document = json.load(f)
    document["model"]["merges"] = [" ".join(m) for m in document["model"]["merges"]]
    write(folder, "tokenizer.json", document)


def save(kind, backend, config, older_merges=False):
    folder = fresh(kind)
    backend.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    if older_merges:
        merges_as_text(folder)
    write(folder, "tokenizer_config.json", config, indent=1)
    return folder


def rows_of(tokenizer):
    rows = []
    for text in strings():
        ids = tokenizer(text).input_ids
        row = {"ids": ids}
        for key, skip in (("decoded", True), ("decoded_all", False)):
            decoded = tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
            if decoded != text:
                row[key] = decoded
        rows.append(row)
    return rows


def write_rows(folder, rows):
    with open(os.path.join(folder, "rows.json"), "w", encoding="ascii", newline="\n") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
    print(f"{os.path.basename(folder)}: {len(rows)} strings, {sum(len(r['ids']) for r in rows)} ids")


def main():
    os.makedirs(ROOT, exist_ok=True)
    write(ROOT, "strings.json", strings(), indent=0)

    # SentencePiece models, for the folders of make_sentencepiece.py.
    with tempfile.TemporaryDirectory() as folder:
        train_sentencepiece(folder, "bpe", 700)
        for kind in ("sentencepiece_bpe_legacy", "sentencepiece_bpe"):
            shutil.copy(os.path.join(folder, "tokenizer.model"), fresh(kind))
        bpe = os.path.join(ROOT, "sentencepiece_bpe", "tokenizer.model")
    with tempfile.TemporaryDirectory() as folder:
        train_sentencepiece(folder, "unigram", 600)
        shutil.copy(os.path.join(folder, "tokenizer.model"), fresh("sentencepiece_unigram"))

    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    for kind, prefix, older, config in (
            ("llama_prepend", "normalizer", True, {"tokenizer_class": "LlamaTokenizer", "legacy": True, **names}),
            ("llama_metaspace_first", "first", False, {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True,
                                                       "add_eos_token": True, **names}),
            ("llama_metaspace_always", "always", False, {"tokenizer_class": "TokenizersBackend", "model_max_length": 2048, **names}),
            ("llama_metaspace_never", "never", False, {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, **names})):
        backend = llama_backend(bpe, prefix)
        add_tokens(backend)
        folder = save(kind, backend, config, older)
        write_rows(folder, rows_of(PreTrainedTokenizerFast.from_pretrained(folder)))

    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    backend = byte_level_backend([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)], True)
    begin = backend.token_to_id("<|begin|>")
    backend.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B", special_tokens=[("<|begin|>", begin)])])
    add_tokens(backend)
    folder = save("llama3", backend, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "eos_token": "<|eot|>",
                                      "clean_up_tokenization_spaces": True})
    write_rows(folder, rows_of(PreTrainedTokenizerFast.from_pretrained(folder)))

    # SmolLM's: digits one by one, then GPT-2's words with a space in front.
    backend = byte_level_backend([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)], False)
    add_tokens(backend)
    folder = save("smollm", backend, {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|begin|>", "eos_token": "<|eot|>",
                                      "unk_token": "<|eot|>", "pad_token": "<|eot|>"})
    write_rows(folder, rows_of(PreTrainedTokenizerFast.from_pretrained(folder)))

    # Vocabulary and merges in files of their own: the family decides the stages.
    for kind, cls, splits, normalizer in (
            ("gpt2_files", GPT2Tokenizer, [pre_tokenizers.ByteLevel(add_prefix_space=False)], None),
            ("qwen2_files", Qwen2Tokenizer, [pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                                             pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)], normalizers.NFC())):
        backend = byte_level_backend(splits, False, normalizer, ("<|endoftext|>",))
        folder = fresh(kind)
        backend.model.save(folder)
        vocab = json.load(open(os.path.join(folder, "vocab.json"), encoding="utf-8"))
        vocab["<|endoftext|>"] = len(vocab)
        write(folder, "vocab.json", vocab)
        added = {str(len(vocab) - 1): token("<|endoftext|>")}
        added.update({str(len(vocab) + i): t for i, t in enumerate(ADDED)})
        write(folder, "tokenizer_config.json", {"tokenizer_class": cls.__name__, "added_tokens_decoder": added}, indent=1)
        write_rows(folder, rows_of(cls.from_pretrained(folder)))


if __name__ == "__main__":
    main()
