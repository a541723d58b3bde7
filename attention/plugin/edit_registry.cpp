#include "attention/plugin/edit_registry.h"

#include <cstring>

namespace reel::attention {

EditRule EditRegistry::rule(const std::string& name, const ParamValues& options,
                            const std::string& selector) const {
  const EditEntry& entry = get("edit", name);
  ParamValues values = complete_options(entry.spec, options);
  const Selector own = Selector::parse(selector);
  std::string text = entry.spec.name;
  char separator = ':';
  for (const Param& param : entry.spec.params) {
    if (values.at(param.name) == param.default_value) continue;
    text += std::string(1, separator) + param.name + "=" + to_text(values.at(param.name));
    separator = ',';
  }
  if (!own.text().empty()) text += "@" + own.text();
  Selector where = Selector::parse(entry.where);
  if (entry.has_steps) {
    if (own.steps) values["steps"] = Selector{.steps = own.steps}.text().substr(std::strlen("steps="));
    const std::string steps = std::get<std::string>(values.at("steps"));
    if (steps != "auto") where = where.refined_by(Selector::parse("steps=" + steps));
  }
  return {text, entry.spec.name, where.refined_by(own), [make = entry.make, values] { return make(values); }};
}

ParsedEdit EditRegistry::split(std::string_view text) const {
  const size_t at = text.find('@');
  const std::string_view head = text.substr(0, at);
  const size_t colon = head.find(':');
  const EditEntry& entry = get("edit", head.substr(0, colon));
  const std::string_view options =
      colon == std::string_view::npos ? std::string_view() : head.substr(colon + 1);
  const std::string_view selector = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return {&entry, parse_options(entry.spec, options), Selector::parse(selector).text()};
}

EditRule EditRegistry::parse(std::string_view text) const {
  const ParsedEdit edit = split(text);
  return rule(edit.entry->spec.name, edit.options, edit.selector);
}

}  // namespace reel::attention
