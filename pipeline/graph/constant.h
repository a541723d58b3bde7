// Converts constants of a graph into the values that sockets take, and tells which outputs may feed a socket.
#pragma once

#include <optional>

#include "pipeline/graph/node.h"

namespace reel::pipeline {

/// The names in a socket's type: "INT,FLOAT" has two.
std::vector<std::string> type_names(const std::string& type);

/// True if an output of type `given` may feed an input of type `wanted`: they share a name, or either is "*".
/// COMBO and STRING feed each other, since both are texts; the choice is checked when the text is known.
bool accepts(const std::string& wanted, const std::string& given);

/// True if the socket takes constants: one of its types is INT, FLOAT, STRING, BOOLEAN, COMBO or "*".
bool takes_constants(const Socket& socket);

/// What a node is given for an input; null if nothing. JSON's null is nothing to sockets that take links only, as editors
/// write it for what is not connected; to others it is a value, and one that they do not take.
const Input* given_input(const Node& node, const Socket& socket);

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

/// The value of an absent input: the default, in the socket's type; nothing if there is no default.
std::optional<Value> default_of(const Socket& socket);

/// A scalar value as an input of a graph; nothing for a value that no file can hold.
std::optional<Input> as_input(const Value& value);

/// What a socket takes, for messages: "an integer from 1 to 100", "one of euler|ddim", "a link to MODEL".
std::string expectation(const Socket& socket);

/// True if a value may come out of an output of this type.
bool fits(const std::string& type, const Value& value);

}  // namespace reel::pipeline
