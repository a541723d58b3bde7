#include "pipeline/evaluation/hallucination/pope.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "models/files/strict_json.h"

namespace reel::evaluation {
namespace {

using nlohmann::json;

constexpr size_t kMostQuestions = 1'000'000;

json parse(const std::string& text, const std::string& place) {
  return models::parse_strict<json>(text, {.depth = 8}, [&](const models::JsonFault& fault) {
    throw std::runtime_error("[" + place + "] is no JSON: " + models::shown(fault.detail));
  });
}

PopeQuestion question_of(const json& object, const std::string& place) {
  const auto text = [&](const char* key) -> std::string {
    if (!object.is_object() || !object.contains(key) || !object[key].is_string())
      throw std::runtime_error(
          "[" + place + "] must have the text '" + key +
          "', as POPE's questions do: {\"question_id\", \"image\", \"text\", \"label\"}");
    return object[key];
  };
  PopeQuestion question{.image = text("image"), .text = text("text"), .yes = text("label") != "no"};
  if (const auto id = object.find("question_id"); id != object.end() && id->is_number_integer())
    question.id = *id;
  return question;
}

}  // namespace

std::vector<PopeQuestion> read_pope(std::istream& file, const std::string& name) {
  std::vector<PopeQuestion> questions;
  const auto add = [&](const json& object, const std::string& place) {
    if (questions.size() == kMostQuestions)
      throw std::runtime_error("[" + place + "] is beyond a million questions");
    questions.push_back(question_of(object, place));
  };
  while (std::isspace(file.peek())) file.get();
  if (file.peek() == '[') {
    std::ostringstream text;
    text << file.rdbuf();
    for (const json& object : parse(text.str(), name))
      add(object, name + ", question " + std::to_string(questions.size() + 1));
  } else {
    int64_t number = 0;
    for (std::string line; std::getline(file, line);) {
      const std::string place = name + ", line " + std::to_string(++number);
      if (line.find_first_not_of(" \t\r") != std::string::npos) add(parse(line, place), place);
    }
  }
  if (questions.empty()) throw std::runtime_error("[" + name + "] holds no questions");
  return questions;
}

bool says_yes(const std::string& answer) {
  std::string text = answer.substr(0, answer.find('.'));
  std::erase(text, ',');
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ' ');) {
    if (word == "No" || word == "no" || word == "not") return false;
  }
  return true;
}

PopeScore pope_score(const std::vector<bool>& truth, const std::vector<bool>& answers) {
  if (truth.size() != answers.size() || truth.empty())
    throw std::invalid_argument("[pope] needs an answer for each question, got " +
                                std::to_string(answers.size()) + " answers to " +
                                std::to_string(truth.size()) + " questions");
  double right = 0, yes = 0, should = 0, both = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    right += truth[i] == answers[i], yes += answers[i], should += truth[i], both += truth[i] && answers[i];
  }
  const auto count = double(truth.size());
  PopeScore score{.count = int64_t(truth.size()), .accuracy = right / count};
  score.precision = yes > 0 ? both / yes : 0;
  score.recall = should > 0 ? both / should : 0;
  score.f1 = both > 0 ? 2 * score.precision * score.recall / (score.precision + score.recall) : 0;
  score.yes_ratio = yes / count;
  return score;
}

std::optional<double> area_under_curve(const std::vector<bool>& truth, const std::vector<double>& margins) {
  std::vector<size_t> order(margins.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return margins[i]; });
  double ranks = 0, positives = 0;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && margins[order[end]] == margins[order[begin]]) ++end;
    const double rank = (double(begin + 1) + double(end)) / 2;  // equal margins share their ranks
    for (; begin < end; ++begin) {
      if (truth[order[begin]]) ranks += rank, ++positives;
    }
  }
  const double negatives = double(order.size()) - positives;
  if (positives == 0 || negatives == 0) return std::nullopt;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

}  // namespace reel::evaluation
