// Filters that make texts.
#pragma once

#include <vector>

#include "models/text/jinja/library/filters.h"

namespace reel::models::jinja {

std::vector<FilterEntry> text_filters();

}  // namespace reel::models::jinja
