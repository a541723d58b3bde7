#include "app/session/print_json.h"

#include <iostream>

namespace reel::app {

void print_json(const std::string& document) { std::cout << document << std::endl; }

}  // namespace reel::app
