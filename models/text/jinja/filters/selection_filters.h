// Filters that apply others, and tests, to the elements of a list.
#pragma once

#include <vector>

#include "models/text/jinja/filters/filters.h"

namespace reel::models::jinja {

std::vector<FilterEntry> selection_filters();

}  // namespace reel::models::jinja
