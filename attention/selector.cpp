#include "attention/selector.h"

#include <fnmatch.h>

#include <charconv>

#include "attention/plugin/spec.h"

namespace reel::attention {
namespace {

constexpr std::pair<SiteKind, const char*> kKinds[] = {{SiteKind::kSpatial, "spatial"},
                                                       {SiteKind::kTemporal, "temporal"},
                                                       {SiteKind::kCross, "cross"},
                                                       {SiteKind::kJoint, "joint"},
                                                       {SiteKind::kCausal, "causal"},
                                                       {SiteKind::kText, "text"},
                                                       {SiteKind::kAutoencoder, "autoencoder"},
                                                       {SiteKind::kVision, "vision"}};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (end > begin) parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

[[noreturn]] void refuse(std::string_view term, const std::string& expected) {
  throw std::invalid_argument(
      "[selector] '" + std::string(term) + "': " + expected +
      "; for example kind=temporal layer=up_blocks.* steps=0-20% heads=0+3-7 rows=cond");
}

double parse_number(std::string_view term, std::string_view text) {
  double value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size() || value < 0) {
    refuse(term, "'" + std::string(text) + "' is not a number from 0 up");
  }
  return value;
}

int parse_index(std::string_view term, std::string_view text) {
  const double value = parse_number(term, text);
  if (value != std::floor(value) || value > 1e6)
    refuse(term, "'" + std::string(text) + "' is not a whole number");
  return static_cast<int>(value);
}

SiteKind parse_kind(std::string_view term, const std::string& text) {
  std::vector<std::string> names;
  for (const auto& [kind, name] : kKinds) {
    if (text == name) return kind;
    names.push_back(name);
  }
  const std::string near = nearest_name(text, names);
  refuse(term, near.empty() ? "a kind is spatial, temporal, cross, joint, causal, text, autoencoder or vision"
                            : "did you mean '" + near + "'?");
}

Selector::Steps parse_steps(std::string_view term, std::string_view text) {
  Selector::Steps steps;
  steps.percent = !text.empty() && text.back() == '%';
  if (steps.percent) text.remove_suffix(1);
  const size_t dash = text.find('-');
  const auto number = [&](std::string_view part) {
    if (!part.empty() && part.back() == '%') part.remove_suffix(1);  // 0%-20% means the same as 0-20%
    return steps.percent ? parse_number(term, part) : parse_index(term, part);
  };
  steps.low =
      dash == std::string_view::npos ? (steps.percent ? 0 : number(text)) : number(text.substr(0, dash));
  steps.high = number(dash == std::string_view::npos ? text : text.substr(dash + 1));
  if (steps.low > steps.high) refuse(term, "the first step lies behind the last");
  if (steps.percent && steps.high > 100) {
    refuse(term, "steps must lie in 0-100 %, got " + to_text(steps.high) +
                     " %; use steps=0-40% for the first two fifths");
  }
  return steps;
}

}  // namespace

std::string kind_name(SiteKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "unknown";
}

Selector Selector::parse(std::string_view text) {
  Selector selector;
  std::vector<std::string> seen;
  for (const std::string& term : split(text, " ;\t")) {
    const size_t equals = term.find('=');
    if (equals == std::string::npos) refuse(term, "a term is written name=value");
    const std::string name = term.substr(0, equals), value = term.substr(equals + 1);
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      refuse(term, "'" + name + "' is given twice; keep one");
    seen.push_back(name);
    if (value.empty()) refuse(term, "'" + name + "' has no value");
    if (name == "kind") {
      for (const std::string& part : split(value, "+,")) selector.kinds.push_back(parse_kind(term, part));
    } else if (name == "layer") {
      selector.layers = split(value, "+,");
    } else if (name == "steps") {
      selector.steps = parse_steps(term, value);
    } else if (name == "heads") {
      for (const std::string& part : split(value, "+,")) {
        const size_t dash = part.find('-');
        const int low = parse_index(term, part.substr(0, dash));
        const int high = dash == std::string::npos ? low : parse_index(term, part.substr(dash + 1));
        if (low > high) refuse(term, "the first head lies behind the last");
        selector.heads.emplace_back(low, high);
      }
    } else if (name == "rows") {
      if (value != "cond" && value != "uncond" && value != "all")
        refuse(term, "rows are cond, uncond or all");
      if (value != "all") selector.conditional = value == "cond";
    } else {
      const std::string near = nearest_name(name, {"kind", "layer", "steps", "heads", "rows"});
      refuse(term,
             near.empty() ? "a term is kind, layer, steps, heads or rows" : "did you mean '" + near + "'?");
    }
  }
  return selector;
}

std::string Selector::text() const {
  std::string text;
  const auto term = [&](const std::string& name) { text += (text.empty() ? "" : " ") + name + "="; };
  const auto join = [&](const auto& items, const auto& print) {
    for (size_t i = 0; i < items.size(); ++i) text += (i ? "+" : "") + print(items[i]);
  };
  if (!kinds.empty()) term("kind"), join(kinds, [](SiteKind kind) { return kind_name(kind); });
  if (!layers.empty()) term("layer"), join(layers, [](const std::string& glob) { return glob; });
  if (steps) {
    term("steps");
    text += to_text(steps->low) + "-" + to_text(steps->high) + (steps->percent ? "%" : "");
  }
  if (!heads.empty()) {
    term("heads");
    join(heads, [](const std::pair<int, int>& range) {
      return std::to_string(range.first) +
             (range.second > range.first ? "-" + std::to_string(range.second) : "");
    });
  }
  if (conditional) term("rows"), text += *conditional ? "cond" : "uncond";
  return text;
}

Selector Selector::refined_by(const Selector& finer) const {
  Selector result = *this;
  if (!finer.kinds.empty()) result.kinds = finer.kinds;
  if (!finer.layers.empty()) result.layers = finer.layers;
  if (finer.steps) result.steps = finer.steps;
  if (!finer.heads.empty()) result.heads = finer.heads;
  if (finer.conditional) result.conditional = finer.conditional;
  return result;
}

bool Selector::matches(const Site& site) const {
  if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), site.kind) == kinds.end()) return false;
  return layers.empty() || std::any_of(layers.begin(), layers.end(), [&](const std::string& glob) {
           return fnmatch(glob.c_str(), site.path.c_str(), 0) == 0;
         });
}

bool Selector::matches(const Step& step) const {
  if (!steps) return true;
  if (!steps->percent) return step.index >= steps->low && step.index <= steps->high;
  const double position =
      100.0 * step.index;  // compared without division, so that 20 % of 5 is exactly one step
  return position >= steps->low * step.count && position < steps->high * step.count;
}

bool Selector::matches(const Row& row) const { return !conditional || *conditional == row.conditional; }

std::vector<int64_t> Selector::heads_of(const Site& site) const {
  std::set<int64_t> chosen;
  for (const auto& [low, high] : heads) {
    if (high >= site.heads) {
      throw std::invalid_argument("[selector] head " + std::to_string(high) + " does not exist at " +
                                  site.path + ", which has heads 0-" + std::to_string(site.heads - 1) +
                                  "; narrow heads= or choose other sites with layer=");
    }
    for (int head = low; head <= high; ++head) chosen.insert(head);
  }
  if (static_cast<int>(chosen.size()) == site.heads) return {};
  return {chosen.begin(), chosen.end()};
}

}  // namespace reel::attention
