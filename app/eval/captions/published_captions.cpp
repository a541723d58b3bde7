#include "app/eval/captions/published_captions.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "models/files/input/input_stream.h"
#include "models/files/strict_json.h"
#include "pipeline/evaluation/hallucination/coco_truth.h"

namespace reel::app {
namespace {

using nlohmann::json;

constexpr size_t kMostCaptions = 1'000'000;

json parse_published(const std::string& text, const std::string& place) {
  return models::parse_strict<json>(text, {.depth = 16}, [&](const models::JsonFault& fault) {
    throw std::runtime_error("[" + place + "] is no JSON: " + models::shown(fault.detail));
  });
}

PublishedCaption caption_of(const json& object, const std::string& place) {
  const auto text = [&](const char* key) -> std::optional<std::string> {
    if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return std::nullopt;
    return object[key].get<std::string>();
  };
  const auto caption = text("caption");
  PublishedCaption one{.caption = caption.value_or("")};
  if (const auto name = text("image") ? text("image") : text("input")) {
    one.name = std::filesystem::path(*name).filename().string();
    one.id = evaluation::coco_picture_id(one.name);
  } else if (object.is_object() && object.contains("image_id") && object["image_id"].is_number_integer()) {
    one.id = object["image_id"].get<int64_t>();
    one.name = std::to_string(one.id);
  } else {
    one.id = -1;
  }
  if (!caption || one.id < 0)
    throw std::runtime_error("[" + place +
                             "] must be a caption, {\"image_id\": 123456, \"caption\": \"...\"}, got " +
                             models::shown(object.dump(-1, ' ', false, json::error_handler_t::replace)));
  return one;
}

}  // namespace

std::vector<PublishedCaption> read_captions(const std::string& file) {
  models::InputStream stream({.path = file});
  std::vector<PublishedCaption> captions;
  std::set<int64_t> seen;
  const auto add = [&](const json& object, const std::string& place) {
    if (captions.size() == kMostCaptions)
      throw std::runtime_error("[" + place + "] is beyond a million captions");
    captions.push_back(caption_of(object, place));
    if (!seen.insert(captions.back().id).second)
      throw std::runtime_error("[" + place + "] is a second caption of picture " + captions.back().name +
                               "; leave one of them out");
  };
  while (std::isspace(stream.peek())) stream.get();
  if (stream.peek() == '[') {
    for (const json& object : parse_published(stream.rest(), file))
      add(object, file + ", caption " + std::to_string(captions.size() + 1));
  } else {
    int64_t number = 0;
    for (std::string line; std::getline(stream, line);) {
      const std::string place = file + ", line " + std::to_string(++number);
      if (line.find_first_not_of(" \t\r") != std::string::npos) add(parse_published(line, place), place);
    }
  }
  if (captions.empty()) throw std::runtime_error("[" + file + "] holds no captions");
  return captions;
}

std::vector<PublishedCaption> pictures_of(const std::string& folder) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(folder))
    throw std::runtime_error("[" + folder + "] is no folder; --images names the one with the pictures");
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.front() != '.') names.insert(name);
  }
  if (names.empty()) throw std::runtime_error("[" + folder + "] holds no pictures");
  std::vector<PublishedCaption> pictures;
  for (const std::string& name : names)
    pictures.push_back({.id = evaluation::coco_picture_id(name), .name = name, .caption = {}});
  return pictures;
}

}  // namespace reel::app
