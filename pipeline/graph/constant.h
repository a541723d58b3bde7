// How a constant of a graph becomes the value that a socket wants, and which outputs may feed it.
#pragma once

#include <optional>

#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// The names in a socket's type: "INT,FLOAT" has two.
std::vector<std::string> type_names(const std::string& type);

/// Whether an output of type `given` may feed an input of type `wanted`: they share a name, or either is "*".
/// COMBO and STRING feed each other, since both are texts; the choice is checked when it is known.
bool accepts(const std::string& wanted, const std::string& given);

/// Whether a constant can be given at all: some of the socket's types are INT, FLOAT, STRING, BOOLEAN, COMBO
/// or "*".
bool takes_constants(const Socket& socket);

/// The constant as the socket's type, within its range and choices; nothing if it does not fit, and then
/// `problem` says why (kind, expected, found, hint). Conversions are ComfyUI's, except that none loses
/// anything silently:
///   INT      whole floats, true and false (1, 0), texts that are an integer; 2.5 is refused, not cut
///   FLOAT    integers, booleans, texts that are a number
///   STRING   numbers and booleans, as JSON writes them
///   BOOLEAN  numbers (not 0), and the texts "true" and "false"; other texts are refused
///   COMBO    texts, and numbers and booleans that read like a choice
/// A seed is any integer from 0 to 2^64 - 1, kept bit for bit in int64_t.
std::optional<Value> convert(const Socket& socket, const Input& input, Problem& problem);

/// What an absent input means: the default in the socket's type, or nothing.
std::optional<Value> default_of(const Socket& socket);

/// A scalar value as an input again; nothing for values that no file can hold.
std::optional<Input> as_input(const Value& value);

/// What a socket wants, for messages: "an integer from 1 to 100", "one of euler|ddim", "a link to MODEL".
std::string expectation(const Socket& socket);

/// Whether a value may come out of an output of this type.
bool fits(const std::string& type, const Value& value);

}  // namespace reel::pipeline
