"""Ids and decodings by LlamaTokenizer over a SentencePiece model, for the folders that make_llama_tokenizers.py trained.

Only transformers 4 has that class; version 5 turns such a model into a tokenizer.json of its own. So this script has an
environment of its own and is not part of make_all.py:

    pip install transformers==4.57.6 sentencepiece==0.2.3 protobuf && python tests/golden/make_sentencepiece.py
"""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from transformers import LlamaTokenizer

from llama_strings import strings

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_tokenizers")


def token(content, **options):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **options}


def config(first, legacy, **more):
    """As LLaVA's: the picture token behind the vocabulary. Tokens that are skipped have a name or are listed."""
    added = [token("<unk>"), token("<s>"), token("</s>")]
    decoder = {str(i): t for i, t in enumerate(added)}
    own = [token("<image>"), token("<pad>"), token("<|end|>"), token("<left>", lstrip=True), token("<right>", rstrip=True),
           token("whole", single_word=True, special=False), token("<word>", special=False, normalized=True)]
    decoder.update({str(first + i): t for i, t in enumerate(own)})
    return {"added_tokens_decoder": decoder, "additional_special_tokens": ["<image>", "<|end|>", "<left>", "<right>"],
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "legacy": legacy,
            "tokenizer_class": "LlamaTokenizer", "model_max_length": 4096, **more}


def main():
    for kind, size, legacy, more in (("sentencepiece_bpe_legacy", 700, True, {}),
                                     ("sentencepiece_bpe", 700, False, {"add_eos_token": True}),
                                     ("sentencepiece_unigram", 600, False, {"add_bos_token": False, "add_prefix_space": False})):
        folder = os.path.join(ROOT, kind)
        with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8", newline="\n") as f:
            json.dump(config(size, legacy, **more), f, indent=1)
            f.write("\n")
        tokenizer = LlamaTokenizer.from_pretrained(folder)
        rows = []
        for text in strings():
            ids = tokenizer(text).input_ids
            row = {"ids": ids}
            for key, skip in (("decoded", True), ("decoded_all", False)):
                decoded = tokenizer.decode(ids, skip_special_tokens=skip) if ids else ""
                if decoded != text:
                    row[key] = decoded
            rows.append(row)
        with open(os.path.join(folder, "rows.json"), "w", encoding="ascii", newline="\n") as f:
            f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
        print(f"{kind}: {len(rows)} strings, {sum(len(r['ids']) for r in rows)} ids")


if __name__ == "__main__":
    main()
