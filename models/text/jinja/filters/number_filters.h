// Filters that make numbers.
#pragma once

#include <vector>

#include "models/text/jinja/filters/filters.h"

namespace reel::models::jinja {

std::vector<FilterEntry> number_filters();

}  // namespace reel::models::jinja
