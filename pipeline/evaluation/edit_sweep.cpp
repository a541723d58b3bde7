#include "pipeline/evaluation/edit_sweep.h"

#include <c10/util/StringUtil.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "attention/plugin/edit_registry.h"
#include "attention/plugin/value_rule.h"

namespace reel::pipeline {
namespace {

constexpr size_t kMostPoints = 1000;

[[noreturn]] void fail(const std::string& message) { throw std::invalid_argument("[sweep] " + message); }

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(at, begin)) != std::string::npos; begin = end + 1)
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string> range(const std::string& option, const std::string& text, double from, double to,
                               double step) {
  const double steps = (to - from) / step;
  if (!(steps >= 0) || !std::isfinite(steps)) {
    fail(c10::str("'", option, "=", text, "' never arrives: the step must lead from ", from, " to ", to,
                  "; write FROM:TO:STEP, for example 0.5:2:0.5"));
  }
  if (steps >= kMostPoints)
    fail(c10::str("'", option, "=", text, "' has more than ", kMostPoints, " values; use a larger step"));
  std::vector<std::string> values;
  // A last step that misses TO by rounding alone still counts.
  for (int64_t i = 0; i <= static_cast<int64_t>(steps + 1e-9); ++i) {
    char value[40];
    std::snprintf(value, sizeof value, "%.10g", from + static_cast<double>(i) * step);
    values.push_back(value);
  }
  return values;
}

/// The values of one option: one, unless it is a range or a list.
std::vector<std::string> values_of(const std::string& option, const std::string& text) {
  if (text.find('|') != std::string::npos) {
    const std::vector<std::string> values = split(text, '|');
    std::set<std::string> seen;
    for (const std::string& value : values) {
      if (value.empty()) fail(c10::str("'", option, "=", text, "' has an empty value; write a|b|c"));
      if (!seen.insert(value).second)
        fail(c10::str("'", option, "=", text, "' has ", value, " twice; leave one out"));
    }
    return values;
  }
  const std::vector<std::string> parts = split(text, ':');
  std::vector<double> numbers;
  for (const std::string& part : parts) {
    if (const auto value = read_number(part)) numbers.push_back(*value);
  }
  if (parts.size() == 1 || numbers.size() != parts.size()) return {text};
  if (parts.size() != 3)
    fail(c10::str("'", option, "' is swept as FROM:TO:STEP, got '", text, "'; for example ", option,
                  "=0.5:2:0.5"));
  return range(option, text, numbers[0], numbers[1], numbers[2]);
}

/// An edit taken apart: `head`, then for each option the text before its value and the values, then `tail`.
struct Piece {
  std::string before;
  std::vector<std::string> values;  // none: `before` is all
};

class Reader {
 public:
  void read(const std::string& edit) {
    const size_t at = edit.find('@');
    const std::string head = edit.substr(0, at);
    const size_t colon = head.find(':');
    std::string name = head.substr(0, colon);
    const int count = ++seen_[name];
    if (count > 1) name += "#" + std::to_string(count);
    std::vector<Piece> pieces = {{head.substr(0, colon == std::string::npos ? colon : colon + 1), {}}};
    if (colon != std::string::npos) {
      bool first = true;
      for (const std::string& option : split(head.substr(colon + 1), ',')) {
        const size_t equal = option.find('=');
        const std::string comma = first ? "" : ",";
        first = false;
        if (equal == std::string::npos) {
          pieces.push_back({comma + option, {}});
          continue;
        }
        std::vector<std::string> values = values_of(option.substr(0, equal), option.substr(equal + 1));
        if (values.size() > 1) sweep_.options.push_back({name + "." + option.substr(0, equal), values});
        pieces.push_back({comma + option.substr(0, equal + 1), std::move(values)});
      }
    }
    if (at != std::string::npos) pieces.push_back({edit.substr(at), {}});
    edits_.push_back(std::move(pieces));
  }

  EditSweep grid() {
    size_t count = 1;
    for (const SweptOption& option : sweep_.options) {
      count *= option.values.size();
      if (count > kMostPoints)
        fail(c10::str("the grid has more than ", kMostPoints, " points; sweep fewer values"));
    }
    if (sweep_.options.empty())
      fail(
          "no option takes several values; write one as FROM:TO:STEP or a|b, for example "
          "scale:factor=0.5:2:0.5");
    for (size_t index = 0; index < count; ++index) sweep_.points.push_back(point(index));
    return std::move(sweep_);
  }

 private:
  SweepPoint point(size_t index) const {
    SweepPoint point;
    for (size_t k = sweep_.options.size(); k-- > 0;) {
      const std::vector<std::string>& values = sweep_.options[k].values;
      point.values.insert(point.values.begin(), values[index % values.size()]);
      index /= values.size();
    }
    size_t next = 0;
    for (const std::vector<Piece>& pieces : edits_) {
      std::string text;
      for (const Piece& piece : pieces) {
        text += piece.before;
        if (piece.values.size() == 1) text += piece.values.front();
        if (piece.values.size() > 1) text += point.values[next++];
      }
      point.edits.push_back(std::move(text));
    }
    return point;
  }

  std::map<std::string, int> seen_;
  std::vector<std::vector<Piece>> edits_;
  EditSweep sweep_;
};

}  // namespace

EditSweep parse_sweep(const attention::EditRegistry& registry, const std::vector<std::string>& edits) {
  Reader reader;
  for (const std::string& edit : edits) reader.read(edit);
  EditSweep sweep = reader.grid();
  for (const SweepPoint& point : sweep.points) {
    for (const std::string& edit : point.edits) registry.parse(edit);
  }
  return sweep;
}

}  // namespace reel::pipeline
