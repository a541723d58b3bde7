// Templates against what jinja2 gives in the environment of transformers; how: tests/golden/make_jinja.py.
#include "models/text/jinja/jinja_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>

#include "models/text/jinja/values/json_values.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::jinja_template_test {

using jinja::Fault;
using jinja::FaultKind;
using testing::HasSubstr;

nlohmann::json expected() { return nlohmann::json::parse(read_file(REEL_GOLDEN "/jinja/expected.json")); }

jinja::Value variables_of(const std::string& json) {
  jinja::Budget budget{jinja::Limits{}};
  return jinja::value_of_json(json, budget);
}

std::string render(const std::string& text, const std::string& variables = "{}",
                   const jinja::Limits& limits = {}) {
  return jinja::Template::parse(text).render(variables_of(variables).dict(), 0, limits);
}

// The fault of a template; its message begins with the line.
struct Failure {
  FaultKind kind;
  std::string message;
};
Failure failure(const std::string& text, const jinja::Limits& limits = {}) {
  try {
    render(text, "{}", limits);
  } catch (const Fault& fault) {
    return {fault.kind(), std::to_string(fault.line()) + ": " + fault.what()};
  }
  ADD_FAILURE() << text << " gave no fault";
  return {};
}

TEST(JinjaTemplateTest, GivesWhatTheReferenceGives) {
  setenv("TZ", "UTC", 1);
  tzset();
  const nlohmann::json golden = expected();
  const jinja::Value variables = variables_of(
      nlohmann::ordered_json::parse(read_file(REEL_GOLDEN "/jinja/expected.json"))["variables"].dump());
  ASSERT_GE(golden["cases"].size(), 700u);
  for (const auto& row : golden["cases"]) {
    const std::string text = row["template"];
    try {
      const std::string result =
          jinja::Template::parse(text).render(variables.dict(), golden["now"].get<std::time_t>());
      ASSERT_TRUE(row.contains("text")) << text << " must fail with " << row.dump() << ", gives " << result;
      EXPECT_EQ(result, row["text"].get<std::string>()) << text;
    } catch (const Fault& fault) {
      ASSERT_TRUE(row.contains("error")) << text << " must give a text; " << fault.what();
      const std::string error = row["error"];
      const bool undefined = error == "UndefinedError", raised = error == "TemplateError";
      // Jinja looks for statements and filters that it has and this reader has not.
      if (fault.kind() == FaultKind::kUnsupported) continue;
      if (error == "TemplateSyntaxError") {
        EXPECT_EQ(fault.kind(), FaultKind::kSyntax) << text << ": " << fault.what();
      }
      if (undefined) {
        EXPECT_EQ(fault.kind(), FaultKind::kUndefined) << text << ": " << fault.what();
      }
      EXPECT_EQ(fault.kind() == FaultKind::kRaised, raised) << text << ": " << fault.what();
      if (raised) {
        EXPECT_EQ(fault.what(), row["raised"].get<std::string>()) << text;
      }
      EXPECT_GT(fault.line(), 0) << text;
    }
  }
}

TEST(JinjaTemplateTest, NamesWhatItDoesNotKnowWithTheLine) {
  for (const auto& [text, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a\n{{ x | pprint }}", "2: uses the filter 'pprint'"},
           {"{{ x is odder }}", "1: uses the test 'odder'"},
           {"\n\n{% include 'x' %}", "3: uses the statement 'include'"},
           {"{% block a %}{% endblock %}", "the statement 'block'"},
           {"{% for a in [] recursive %}{% endfor %}", "a recursive loop"},
           {"{{ 'a'.encode() }}", "calls 'encode' of a 'str'"},
           {"{{ [1] | map('upper') }}", "prints a generator"},
           {"{{ self }}", "uses 'self'"},
           {"{{ '\\N{BULLET}' }}", "names a character"},
           {"{{ 2 ** 64 }}", "beyond 64 bits"},
           {"{{ cycler(1) }}", "calls 'cycler'"},
           {"{{ [1, 2] | map('pprint') | list }}", "maps by the filter 'pprint'"}}) {
    const Failure found = failure(text);
    EXPECT_EQ(found.kind, FaultKind::kUnsupported) << text << ": " << found.message;
    EXPECT_THAT(found.message, HasSubstr(message)) << text;
  }
}

TEST(JinjaTemplateTest, BoundsStepsBytesDepthAndOutput) {
  const auto limited = [](const std::string& text, const std::string& message) {
    const std::clock_t start = std::clock();
    const Failure found = failure(text);
    EXPECT_EQ(found.kind, FaultKind::kLimit) << text << ": " << found.message;
    EXPECT_THAT(found.message, HasSubstr(message)) << text;
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 30.0) << text;
  };
  const std::string nested =
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
  limited(nested, "steps");
  limited("{{ 'a' * 10000000000 }}", "MiB");
  limited("{{ [0] * 10000000000 }}", "MiB");
  limited("{{ '%999999d' % 1 }}", "width");
  limited("{{ 'a' | center(100000000000) }}", "MiB");
  limited("{% for i in range(99999) %}{{ 'a' * 1000 }}{% endfor %}", "writes more than 16 MiB");
  limited("{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
          "MiB");
  limited("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels deep");
  limited("{% set n = namespace(x=1) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}",
          "levels deep");
  limited(
      "{% set n = namespace(x=[1]) %}{% for i in range(999) %}{% set n.x = n.x | map('string') %}{% endfor "
      "%}",
      "levels deep");
  // Shared parts take no memory, and printing or comparing them would take for ever.
  limited(
      "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == "
      "[n.x] }}",
      "values");
  limited("{% set n = namespace() %}{% set n.x = n %}{{ n }}", "levels deep");
  limited("{{ range(200000) }}", "range");
  limited("{{ " + std::string(1000, '(') + std::string(1000, ')') + " }}", "levels deep");
  std::string deep = "{{ ", ifs;
  for (int i = 0; i < 500; ++i) deep += "not ", ifs += "{% if 1 %}";
  limited(deep + "x }}", "levels deep");
  limited(ifs, "levels deep");
  limited(std::string(2 << 20, 'a'), "1 MiB");
}

TEST(JinjaTemplateTest, KeepsValuesThatHoldEachOtherWithoutLeaking) {
  EXPECT_EQ(render("{% set n = namespace() %}{% set n.x = [n] %}{{ n.x[0] is sameas n }}"), "True");
  EXPECT_EQ(render("{% set n = namespace() %}{% for i in [1] %}{% set n.l = loop %}{{ loop.changed([n, "
                   "loop]) }}{% endfor %}"),
            "True");
  // A loop that is left early and a macro that has returned stay usable.
  EXPECT_EQ(render("{% set n = namespace() %}{% macro m() %}{% for i in [1, 2, 3] if i %}{% set n.l = loop "
                   "%}{% break %}"
                   "{% endfor %}{% endmacro %}{{ m() }}{{ n.l.index }}{{ n.l.last }}"),
            "1True");
  EXPECT_EQ(render("{% set n = namespace() %}{% macro m(a) %}{% macro k() %}{{ a }}{% endmacro %}{% set n.k "
                   "= k %}{% endmacro %}"
                   "{{ m(7) }}{{ n.k() }}"),
            "7");
}

// Whatever is done to a template, it gives a text or a fault, soon.
TEST(JinjaTemplateTest, SurvivesChangedTemplates) {
  const nlohmann::json golden = expected();
  const jinja::Value variables = variables_of(golden["variables"].dump());
  std::vector<std::string> templates;
  for (const auto& row : golden["cases"]) {
    if (row["template"] != "") templates.push_back(row["template"]);
  }
  const std::string marks = "{}%#()[]|.,:'\"=-+~*/\\ \n0a";
  std::mt19937 random(7);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  jinja::Limits limits;
  limits.steps = 200'000;
  int texts = 0, faults = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = templates[below(templates.size())];
    for (size_t change = below(3) + 1; change > 0 && !text.empty(); --change) {
      const size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text.erase(at, below(4) + 1);
          break;
        case 1:
          text[at] = marks[below(marks.size())];
          break;
        case 2:
          text[at] = static_cast<char>(random());
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), below(20)));
          break;
        default: {
          const std::string& other = templates[below(templates.size())];
          text.insert(at, other.substr(below(other.size())));
        }
      }
    }
    try {
      jinja::Template::parse(text).render(variables.dict(), 0, limits);
      ++texts;
    } catch (const Fault& fault) {
      ++faults;
    }
  }
  EXPECT_GT(texts, 1000);
  EXPECT_GT(faults, 1000);
}

}  // namespace reel::models::jinja_template_test
