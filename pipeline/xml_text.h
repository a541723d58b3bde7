// Text inside SVG.
#pragma once

#include <string>

namespace reel::pipeline {

/// With &, <, >, " and ' written as entities: safe between tags and in attributes.
std::string xml_escaped(const std::string& text);

}  // namespace reel::pipeline
