#include "pipeline/evaluation/hallucination/object_words.h"

#include <algorithm>
#include <stdexcept>

#include "models/files/utf8.h"
#include "pipeline/text_words.h"

namespace reel::evaluation {
namespace {

constexpr size_t kMostWords = 1'000'000;

/// Pairs that are one term; some only keep their parts from counting ("home plate" is no plate). Source: CHAIR.
const std::vector<std::string>& fixed_pairs() {
  static const std::vector<std::string> pairs = {
      "motor bike",   "motor cycle",    "air plane",     "traffic light", "street light", "traffic signal",
      "stop light",   "fire hydrant",   "stop sign",     "parking meter", "suit case",    "sports ball",
      "baseball bat", "baseball glove", "tennis racket", "wine glass",    "hot dog",      "cell phone",
      "mobile phone", "teddy bear",     "hair drier",    "potted plant",  "bow tie",      "laptop computer",
      "home plate",   "train track"};
  return pairs;
}

const std::vector<std::string>& animals() {
  static const std::vector<std::string> words = {"bird",     "cat",  "dog",   "horse",   "sheep",  "cow",
                                                 "elephant", "bear", "zebra", "giraffe", "animal", "cub"};
  return words;
}

/// Plurals that no rule makes.
const std::map<std::string, std::string>& irregular() {
  static const std::map<std::string, std::string> words = {
      {"people", "person"},   {"persons", "person"},      {"men", "man"},
      {"women", "woman"},     {"children", "child"},      {"mice", "mouse"},
      {"geese", "goose"},     {"feet", "foot"},           {"teeth", "tooth"},
      {"oxen", "ox"},         {"knives", "knife"},        {"wives", "wife"},
      {"lives", "life"},      {"leaves", "leaf"},         {"loaves", "loaf"},
      {"calves", "calf"},     {"halves", "half"},         {"shelves", "shelf"},
      {"wolves", "wolf"},     {"scarves", "scarf"},       {"hooves", "hoof"},
      {"thieves", "thief"},   {"buses", "bus"},           {"busses", "bus"},
      {"skis", "ski"},        {"taxis", "taxi"},          {"potatoes", "potato"},
      {"tomatoes", "tomato"}, {"policemen", "policeman"}, {"snowmen", "snowman"},
      {"firemen", "fireman"}, {"fishermen", "fisherman"}};
  return words;
}

}  // namespace

ObjectWords::ObjectWords(std::istream& synonyms, const std::string& name) {
  int64_t number = 0;
  for (std::string line; std::getline(synonyms, line);) {
    const std::string place = "[" + name + ", line " + std::to_string(++number) + "] ";
    if (number == 1) line = models::without_bom(line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    std::string object;
    for (size_t begin = 0; begin <= line.size();) {
      const size_t end = std::min(line.find(", ", begin), line.size());
      const std::string word = line.substr(begin, end - begin);
      if (word.empty())
        throw std::runtime_error(place + "has an empty word; write: name, other word, other word");
      if (object.empty()) objects_.insert(object = word);
      const auto [known, added] = object_of_.emplace(word, object);
      if (!added && known->second != object)
        throw std::runtime_error(place + "'" + word + "' is a word for '" + known->second +
                                 "' already; it can stand for one object");
      if (object_of_.size() > kMostWords)
        throw std::runtime_error(place + "is beyond a million words; is it the right file?");
      begin = end + 2;
    }
  }
  if (objects_.empty())
    throw std::runtime_error("[" + name + "] holds no objects; write a line each: name, other word");

  for (const std::string& pair : fixed_pairs()) pairs_[pair] = pair;
  for (const std::string& animal : animals()) pairs_["baby " + animal] = pairs_["adult " + animal] = animal;
  pairs_["passenger jet"] = "jet", pairs_["passenger train"] = "train";
  pairs_["bow tie"] = "tie", pairs_["toilet seat"] = "toilet", pairs_["wine glas"] = "wine glass";
  // An object's name of two words is a pair, too.
  for (const auto& [word, object] : object_of_) {
    if (std::ranges::count(word, ' ') == 1 && word.front() != ' ') pairs_.emplace(word, word);
  }
  for (const auto& [pair, meaning] : pairs_) {
    const size_t gap = pair.find(' ');
    parts_.insert(pair.substr(0, gap));
    parts_.insert(pair.substr(gap + 1));
  }
}

std::string ObjectWords::base_form(const std::string& word) const {
  if (const auto form = irregular().find(word); form != irregular().end()) return form->second;
  if (object_of_.contains(word)) return word;
  for (const std::string& form : pipeline::singular_forms(word)) {
    if (is_known(form)) return form;
  }
  return word;
}

std::vector<std::string> ObjectWords::mentions(const std::string& caption) const {
  std::vector<std::string> words = pipeline::lower_words(caption, "-");
  for (std::string& word : words) word = base_form(word);
  std::vector<std::string> terms;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto pair = i + 1 < words.size() ? pairs_.find(words[i] + " " + words[i + 1]) : pairs_.end();
    terms.push_back(pair == pairs_.end() ? words[i] : pair->second);
    i += pair != pairs_.end();
  }
  const bool toilet = std::ranges::find(terms, "toilet") != terms.end();
  std::vector<std::string> objects;
  for (const std::string& term : terms) {
    if (toilet && term == "seat") continue;
    if (const auto object = object_of_.find(term); object != object_of_.end())
      objects.push_back(object->second);
  }
  return objects;
}

}  // namespace reel::evaluation
