// What tests of `reel caption` share: a folder of pictures, the bundled captioner, lines without their times.
#pragma once

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace reel {

class CaptionCommand : public testing::Test {
 protected:
  using json = nlohmann::json;

  CommandResult caption(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), {"caption", "--dtype", "f32", "--threads", "1"});
    return reel_command(folder_, words, input);
  }

  /// A picture of 24 x 20 pixels; each `number` another one.
  void write_picture(const std::string& name, int number) {
    std::string bytes = "P6 24 20 255\n";
    for (int i = 0; i < 24 * 20; ++i) {
      for (int c = 0; c < 3; ++c)
        bytes += static_cast<char>((i * (3 + number % 5) + number * 37 * (c + 1)) % 256);
    }
    const std::string path = folder_ / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_file(path, bytes);
  }

  static std::vector<json> lines(const std::string& text) {
    std::vector<json> all;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) all.push_back(json::parse(line));
    return all;
  }

  /// The text without what differs from run to run.
  static std::string timeless(const std::string& text) {
    std::string all;
    for (json line : lines(text)) {
      line.erase("seconds");
      all += line.dump() + "\n";
    }
    return all;
  }

  TemporaryFolder folder_;
};

}  // namespace reel
