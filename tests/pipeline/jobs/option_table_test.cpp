// The table of job options: complete, without doubles, and consistent with itself.
#include "pipeline/jobs/option_table.h"

#include <gtest/gtest.h>

#include <set>

namespace reel::pipeline::option_table_test {

const void* address_of(const GenerateOptions& options, const JobOption& option) {
  return std::visit([&](auto member) -> const void* { return &(options.*member); }, option.member);
}

// The list of names fails to compile if a member is added, so that whoever adds one comes here. What a list said is no
// option of its own.
std::set<const void*> members_of(const GenerateOptions& options) {
  const auto& [prompt, negative, output, scheduler, prompt_blend, codec, initial_latents, step_noise,
               prompt_keys, synopsis, frames, steps, preview, size, fps, guidance, guidance_rescale, seed,
               edits, loras, save_graph, save_tensors, output_dir, listed_output, listed_edits, compare,
               overwrite, no_recipe, crf, clip_skip] = options;
  EXPECT_FALSE(listed_output || listed_edits);
  return {&prompt,          &negative,   &output,      &scheduler,    &prompt_blend,     &codec,
          &initial_latents, &step_noise, &prompt_keys, &synopsis,     &frames,           &steps,
          &preview,         &size,       &fps,         &guidance,     &guidance_rescale, &seed,
          &edits,           &loras,      &save_graph,  &save_tensors, &compare,          &overwrite,
          &no_recipe,       &crf,        &clip_skip,   &output_dir};
}

TEST(OptionTableTest, HoldsEveryMemberOfTheOptionsOnce) {
  const GenerateOptions options;
  std::set<const void*> bound;
  for (const JobOption& option : job_options())
    EXPECT_TRUE(bound.insert(address_of(options, option)).second)
        << option.name << " sets the member of another";
  EXPECT_EQ(bound, members_of(options));
}

TEST(OptionTableTest, GivesEachNameToOneOptionAndFindsItInBothSpellings) {
  std::set<std::string> names;
  for (const JobOption& option : job_options()) {
    std::vector<std::string> all = option.aliases;
    all.push_back(option.name);
    for (const std::string& name : all) {
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(find_job_option(name), &option) << name;
      std::string underscored = name;
      std::ranges::replace(underscored, '-', '_');
      EXPECT_EQ(find_job_option(underscored), &option) << underscored;
    }
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
  for (const char* other : {"", "frame", "prompts", "--frames", "dry-run", "model", "Frames"})
    EXPECT_EQ(find_job_option(other), nullptr) << other;
}

TEST(OptionTableTest, SaysWhatAValueMustBe) {
  const auto expected = [](const char* name) { return expected_value(rule_of(*find_job_option(name))); };
  EXPECT_EQ(expected("prompt"), "a text");
  EXPECT_EQ(expected("edit"), "a text or a list of texts");
  EXPECT_EQ(expected("compare"), "true or false");
  EXPECT_EQ(expected("frames"), "an integer from 1 to 4096");
  EXPECT_EQ(expected("steps"), "an integer from 1 to 10000");
  EXPECT_EQ(expected("preview"), "an integer");
  EXPECT_EQ(expected("fps"), "a number from 0.01 to 1000");
  EXPECT_EQ(expected("seed"), "an integer from 0 to 2^64-1");
  EXPECT_EQ(expected("prompt-blend"), "linear or hold");
}

}  // namespace reel::pipeline::option_table_test
