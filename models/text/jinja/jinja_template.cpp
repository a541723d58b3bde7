#include "models/text/jinja/jinja_template.h"

#include "models/text/jinja/executor.h"
#include "models/text/jinja/syntax/name_resolution.h"
#include "models/text/jinja/syntax/template_parser.h"

namespace reel::models::jinja {

namespace {

constexpr size_t kMostTemplateBytes = size_t{1} << 20;

}  // namespace

Template::Template(std::unique_ptr<const Tree> tree) : tree_(std::move(tree)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Template Template::parse(std::string_view utf8) {
  if (utf8.size() > kMostTemplateBytes) throw Fault(FaultKind::kLimit, "has more than 1 MiB");
  auto tree = std::make_unique<Tree>(parse_template(utf8));
  resolve_names(*tree);
  return Template(std::move(tree));
}

std::string Template::render(const Dict& variables, std::time_t now, const Limits& limits) const {
  Machine machine(variables, limits, now);
  std::string text;
  try {
    execute(*tree_, machine, text);
  } catch (const Fault& fault) {
    if (fault.line() > 0) throw;
    throw Fault(fault.kind(), fault.what(), machine.line);
  }
  return text;
}

}  // namespace reel::models::jinja
