#include "app/session/print_json.h"

#include <iostream>

#include "models/files/utf8.h"

namespace reel::app {

void print_json(const std::string& document) { std::cout << models::json_escaped(document) << std::endl; }

}  // namespace reel::app
