#include "models/text/jinja/filters/filters.h"

#include <algorithm>
#include <vector>

#include "models/text/jinja/filters/list_filters.h"
#include "models/text/jinja/filters/number_filters.h"
#include "models/text/jinja/filters/selection_filters.h"
#include "models/text/jinja/filters/text_filters.h"

namespace reel::models::jinja {

const FilterEntry* find_filter(std::string_view name) {
  static const std::vector<FilterEntry> filters = [] {
    std::vector<FilterEntry> all;
    for (const auto& some : {text_filters(), list_filters(), number_filters(), selection_filters()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  const auto found = std::find_if(filters.begin(), filters.end(),
                                  [&](const FilterEntry& entry) { return entry.name == name; });
  return found == filters.end() ? nullptr : &*found;
}

}  // namespace reel::models::jinja
