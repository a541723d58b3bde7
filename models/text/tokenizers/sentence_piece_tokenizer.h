// Tokenizers of folders that have a SentencePiece model and no tokenizer.json: Llama's first ones.
#pragma once

#include <memory>
#include <string>

#include "models/text/tokenizer.h"

namespace reel::models {

/// Opens a folder with `tokenizer.model`, byte-pair encoding or unigram, as transformers' LlamaTokenizer used it until
/// version 4. Text is cut at added tokens; each piece between them is encoded by the library.
/// `legacy` in tokenizer_config.json, true unless stated: each piece gets a space in front. Otherwise the whole text gets
/// one (`add_prefix_space`, true unless stated), and pieces behind an added token none.
/// `add_bos_token` (true unless stated) and `add_eos_token` (false) put tokens around the text.
/// Throws: std::runtime_error as Tokenizer::open.
/// Source: Kudo and Richardson, "SentencePiece", 2018; transformers 4.57, tokenization_llama.py.
std::unique_ptr<Tokenizer> open_sentence_piece_tokenizer(const std::string& folder);

}  // namespace reel::models
