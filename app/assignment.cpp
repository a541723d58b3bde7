#include "app/assignment.h"

#include <stdexcept>

#include "pipeline/graph/graph.h"

namespace reel::app {

std::pair<std::string, std::string> split_assignment(const std::string& text, const std::string& example) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw std::invalid_argument("[graph] values are written name=value, got '" + pipeline::printable(text) +
                                "'; for example " + example);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace reel::app
