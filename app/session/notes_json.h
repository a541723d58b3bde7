// Events on stderr, for sources that make JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "app/session/notes.h"

namespace reel::app {

/// Prints an event on one line; it carries the place in the list, if there is one.
void print_event(nlohmann::json event, const ListPlace& place);

/// Adds job, jobs and line, if there is a list.
void add_place(nlohmann::json& document, const ListPlace& place);

}  // namespace reel::app
