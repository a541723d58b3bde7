// Templates in Jinja, the language of chat templates: an exact subset of jinja2 3.1 as transformers 5.23 renders it.
//
// Known: all expressions; if, for (with else, filter, unpacking, break, continue), set (and set blocks), macro, call,
// filter blocks, with, print, raw, `generation`; the tests of Jinja; the filters of filters/*_filters.cpp; namespace,
// range, dict, raise_exception and strftime_now; methods of texts, lists and dicts that change nothing. What is not known
// is refused by name when the template is read, or, if it is a method, when it is called.
//
// Templates come with model files and are not trusted: steps, bytes, depth and output are bounded (values/template_fault.h).
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "models/text/jinja/values/template_value.h"

namespace reel::models::jinja {

struct Tree;

/// A parsed template. Immutable: it may be rendered by any number of threads.
class Template {
 public:
  /// Throws: Fault kSyntax, kUnsupported or kLimit, with the line.
  static Template parse(std::string_view utf8);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// `now`: what strftime_now tells, in the local time zone. Throws: Fault, with the line.
  std::string render(const Dict& variables, std::time_t now, const Limits& limits = {}) const;

 private:
  explicit Template(std::unique_ptr<const Tree> tree);
  std::unique_ptr<const Tree> tree_;
};

}  // namespace reel::models::jinja
