// The command line: its verbs, and how it is read.
#pragma once

#include <CLI/CLI.hpp>

#include "app/verbs.h"

namespace reel::app {

/// Declares all verbs with their options; parsing sets `action`, which must outlive `app`.
void declare_verbs(CLI::App& app, Action& action);

/// The verb (or verb's verb) that parsing went into last; `app` itself if there is none.
const CLI::App* chosen_verb(const CLI::App& app);

/// Reads the command line and runs the verb. Returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace reel::app
