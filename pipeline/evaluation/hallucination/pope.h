// POPE: yes-or-no questions about objects, and what answers are worth.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace reel::evaluation {

/// A question of a POPE file.
struct PopeQuestion {
  int64_t id = 0;
  std::string image, text;
  bool yes = false;  // the right answer
};

/// Questions of a published file: a JSON object a line, or one list of objects (the first sign decides). Any label but
/// "no" counts as yes, as POPE's own evaluator has it. Source: Li et al. (2305.10355), repository RUCAIBox/POPE.
/// Throws: std::runtime_error "[name, line N] ..." for what is no question, more than a million of them, or none.
std::vector<PopeQuestion> read_pope(std::istream& file, const std::string& name);

/// Whether an answer says yes, by POPE's rule: of the words before the first ".", without commas and split at blanks, one
/// that is "No", "no" or "not" makes it a no. ("NO" counts as yes: kept, so that figures can be compared.)
bool says_yes(const std::string& answer);

/// Positive: yes.
struct PopeScore {
  int64_t count = 0;
  double accuracy = 0, precision = 0, recall = 0, f1 = 0, yes_ratio = 0;
};

/// Precision without an answer of yes, and F1 without both, are 0.
/// Throws: std::invalid_argument if there is not an answer for each question, or none.
PopeScore pope_score(const std::vector<bool>& truth, const std::vector<bool>& answers);

/// The probability that a question whose answer is yes has a larger margin than one whose answer is no (ties count half):
/// what a model could tell apart, wherever its threshold lies. Nullopt if all answers are the same.
std::optional<double> area_under_curve(const std::vector<bool>& truth, const std::vector<double>& margins);

}  // namespace reel::evaluation
