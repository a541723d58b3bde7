// Filters that make texts.
#pragma once

#include <vector>

#include "models/text/jinja/filters/filters.h"

namespace reel::models::jinja {

std::vector<FilterEntry> text_filters();

}  // namespace reel::models::jinja
