// Filters of lists and dicts.
#pragma once

#include <vector>

#include "models/text/jinja/filters/filters.h"

namespace reel::models::jinja {

std::vector<FilterEntry> list_filters();

}  // namespace reel::models::jinja
