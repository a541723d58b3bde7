#include "pipeline/graph/node.h"

namespace reel::pipeline {

const Socket* NodeSpec::input(std::string_view socket_name) const {
  for (const Socket& socket : inputs) {
    if (socket.name == socket_name) return &socket;
  }
  return nullptr;
}

}  // namespace reel::pipeline
