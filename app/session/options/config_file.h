// `--config FILE`: options from a TOML file.
#pragma once

#include <CLI/CLI.hpp>

namespace reel::app {

/// Declares --config. The file holds the verb's options by name (with dashes or underscores, without the leading ones),
/// at the top or in a table of the verb's name, such as [generate] or [graph.run]; the table wins over the top, of several
/// files the later one over the earlier ones, and the command line over all. Tables of other verbs are checked for names
/// and passed over, so that one file serves all.
/// A file that is missing or malformed, an unknown key, or a value that the option does not take ends the parsing with
/// std::invalid_argument, which names file, line and key.
CLI::Option* add_config_option(CLI::App& verb);

}  // namespace reel::app
