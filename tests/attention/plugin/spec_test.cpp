#include "attention/plugin/spec.h"

#include <gmock/gmock.h>

namespace reel::spec_test {

using testing::HasSubstr;

Spec spec() {
  Spec s{"demo", "A demo.", "nobody"};
  s.params = {{"alpha", "a number", 0.5, Range{0, 1}},
              {"count", "an integer", int64_t{3}, Range{1, 9}},
              {"mode", "a choice", std::string("raw"), {}, {"raw", "after"}},
              {"on", "a flag", false}};
  s.presets["strong"] = {{"alpha", 0.9}};
  return s;
}

std::string error_of(const std::string& text) {
  try {
    parse_options(spec(), text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(SpecTest, AbsentOptionsTakeDefaultsAndPresets) {
  EXPECT_EQ(std::get<double>(parse_options(spec(), "").at("alpha")), 0.5);
  EXPECT_EQ(std::get<double>(parse_options(spec(), "preset=strong").at("alpha")), 0.9);
  EXPECT_EQ(std::get<double>(parse_options(spec(), "alpha=0.1,preset=strong").at("alpha")), 0.1)
      << "what is given wins";
  EXPECT_EQ(std::get<int64_t>(parse_options(spec(), "preset=strong,count=7").at("count")), 7);
}

TEST(SpecTest, TextReadsBackEqual) {
  for (const double value : {0.1, 1.0 / 3.0, 1e-7}) {
    const Param param{"x", "", 0.0};
    EXPECT_EQ(std::get<double>(parse_param("t", param, to_text(value))), value);
  }
}

TEST(SpecTest, ErrorsNameOptionExpectationAndWayOut) {
  EXPECT_THAT(error_of("alfa=1"), HasSubstr("did you mean 'alpha'"));
  EXPECT_THAT(error_of("alpha=2"), HasSubstr("lie in 0 to 1, got '2'"));
  EXPECT_THAT(error_of("alpha=x"), HasSubstr("a number"));
  EXPECT_THAT(error_of("alpha=nan"), HasSubstr("finite"));
  EXPECT_THAT(error_of("count=1.5"), HasSubstr("an integer"));
  EXPECT_THAT(error_of("mode=rww"), HasSubstr("did you mean 'raw'"));
  EXPECT_THAT(error_of("on=maybe"), HasSubstr("true or false"));
  EXPECT_THAT(error_of("alpha"), HasSubstr("name=value"));
  EXPECT_THAT(error_of("alpha=1,alpha=0"), HasSubstr("given twice"));
  EXPECT_THAT(error_of("preset=weak"), HasSubstr("it has strong"));
}

TEST(SpecTest, NearestNameKnowsTyposButNotStrangers) {
  EXPECT_EQ(nearest_name("tmeporal", {"temporal", "spatial"}), "temporal");
  EXPECT_EQ(nearest_name("xyz", {"temporal", "spatial"}), "");
}

TEST(RegistryTest, RefusesTheSameNameTwice) {
  struct Entry {
    Spec spec;
  };
  Registry<Entry> registry;
  registry.add({spec()});
  EXPECT_THROW(registry.add({spec()}), std::invalid_argument);
  registry.alias("other", "demo");
  EXPECT_EQ(registry.find("other")->spec.name, "demo");
  EXPECT_THROW(registry.get("edit", "dmo"), std::invalid_argument);
}

}  // namespace reel::spec_test
