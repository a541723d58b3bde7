// Prompts and answers against the processors of transformers and of the original LLaVA.
#include "pipeline/captioning/prompt_writer.h"

#include <gmock/gmock.h>

#include "tests/support/captions.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::prompt_writer_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Prompts : public testing::TestWithParam<std::string> {
 protected:
  const CaptionGoldens goldens_{GetParam()};
  const CaptionModel model_ = load_captioner(goldens_.folder());

  /// With each picture as the ids that it takes.
  std::vector<int64_t> spread(const std::vector<int64_t>& ids) const {
    const at::Tensor pixels = goldens_.pixels(0);
    std::vector<int64_t> all;
    for (const int64_t id : ids) {
      if (id != model_.network().image_token()) {
        all.push_back(id);
        continue;
      }
      const auto own = model_.network().picture_ids({pixels.size(2), pixels.size(3)});
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  }
};

TEST_P(Prompts, AreTheIdsOfTheProcessor) {
  ASSERT_EQ(goldens_.requests.size(), 6U);
  for (size_t i = 0; i < goldens_.requests.size(); ++i) {
    const GoldenRequest& request = goldens_.requests[i];
    const auto ids = model_.prompts().write(request.question, request.pictures.size());
    EXPECT_EQ(std::count(ids.begin(), ids.end(), model_.network().image_token()),
              int64_t(request.pictures.size()));
    EXPECT_EQ(spread(ids), goldens_.input_ids(i, model_.network())) << i;
  }
}

TEST_P(Prompts, HaveTheModelsOwnRequest) {
  EXPECT_EQ(model_.folder().caption_input.request, goldens_.requests[0].question);
}

TEST_P(Prompts, ReadAnswersWithoutSpecialTokensAndWhiteSpaceAround) {
  for (size_t i = 0; i < goldens_.requests.size(); ++i) {
    const GoldenRequest& request = goldens_.requests[i];
    EXPECT_EQ(model_.prompts().read(goldens_.ids(i, "ids")), request.text) << i;
    for (const char* run : {"beams_2", "beams_4"})
      EXPECT_EQ(model_.prompts().read(request.runs[run]["ids"]), request.runs[run]["text"])
          << i << " " << run;
  }
  EXPECT_EQ(model_.prompts().read({}), "");
}

TEST_P(Prompts, HoldNoPictureOfTheirOwn) {
  try {
    model_.prompts().write("Compare it with <image>.", 1);
    FAIL() << "a picture in the question was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("[prompt] must not hold '<image>'"), HasSubstr("leave it out")));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Prompts, testing::ValuesIn(models::golden_cases("captions")),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

/// A copy of the folder like llava-hf/llava-1.5-7b-hf, with another chat template.
class PromptWriterTest : public testing::Test {
 protected:
  PromptWriter with_template(const std::string& text) {
    for (const auto& entry : fs::directory_iterator(models::golden_folder("captions/llava_1.5_hf"))) {
      const std::string name = entry.path().filename();
      if (entry.is_regular_file() && !name.starts_with("chat_template"))
        fs::copy(entry.path(), folder_ / name, fs::copy_options::overwrite_existing);
    }
    if (!text.empty()) write_file(folder_ / "chat_template.jinja", text);
    return {*models::opened(folder_.path().string()), 400};
  }
  std::vector<int64_t> encoded(const std::string& text) const {
    return models::Tokenizer::open(folder_.path().string())->encode(text);
  }
  /// What is said when a prompt of one picture is refused.
  template <class Error>
  std::string refusal(const std::string& text) {
    const PromptWriter prompts = with_template(text);
    try {
      prompts.write("What is it?", 1);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was refused";
  }

  const TemporaryFolder folder_;
};

TEST_F(PromptWriterTest, PutsMarksIntoTemplatesThatKnowTextsAlone) {
  // Lists written out, lists that cannot be joined with texts, and lists that have no such method.
  for (const char* content : {"{{ m['content'] }}", "{{ '' + m['content'] }}", "{{ m['content'].strip() }}",
                              "{{ m['content'] if m['content'] is string else '' }}"}) {
    const PromptWriter prompts =
        with_template("{% for m in messages %}USER: " + std::string(content) + " ASSISTANT:{% endfor %}");
    EXPECT_EQ(prompts.write("What is it?", 1), encoded("USER: <image>\nWhat is it? ASSISTANT:")) << content;
    EXPECT_EQ(prompts.write("Why?", 2), encoded("USER: <image>\n<image>\nWhy? ASSISTANT:")) << content;
  }
}

TEST_F(PromptWriterTest, SaysWhatATemplateOfPartsFailedAt) {
  // Texts alone would only fail at something else.
  EXPECT_THAT(
      refusal<std::runtime_error>("{% for m in messages %}{% for p in m['content'] %}{{ p['type'] + 1 }}"
                                  "{% endfor %}{% endfor %}"),
      AllOf(HasSubstr("chat_template.jinja"), HasSubstr("line 1 of the chat template")));
}

TEST_F(PromptWriterTest, StopsAtTheFirstStopWithItsWhiteSpace) {
  const PromptWriter prompts = with_template("{{ '<image>' }}");
  const auto ids = encoded("two cats\n and a dog\n");
  EXPECT_EQ(prompts.read(ids), "two cats\n and a dog");
  EXPECT_EQ(prompts.read(ids, {"dog", "and", "", "horse"}), "two cats");
  EXPECT_EQ(prompts.read(ids, {"two"}), "");
  EXPECT_EQ(prompts.read(ids, {"", "horse"}), "two cats\n and a dog");
  const auto stopped = [&](const std::string& text, const std::vector<std::string>& stops) {
    return prompts.has_stopped(encoded(text), stops);
  };
  EXPECT_TRUE(stopped("two cats\n", {"\n"})) << "at the end";
  EXPECT_TRUE(stopped("two cats and", {"horse", "cats "}));
  EXPECT_FALSE(stopped("two cats", {"cats "}));
  EXPECT_FALSE(stopped("two cats", {"", "\n"}));
  EXPECT_FALSE(stopped("two cats", {}));
}

TEST_F(PromptWriterTest, WritesTheBeginningOnce) {
  const auto ids = with_template(
                       "{{ bos_token }}{% for m in messages %}{% for p in m['content'] %}"
                       "{{ '<image>' if p.type == 'image' else p.text }}{% endfor %}{% endfor %}")
                       .write("What is it?", 1);
  EXPECT_EQ(ids, encoded("<image>What is it?"));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 1);
}

TEST_F(PromptWriterTest, RefusesTemplatesThatLeavePicturesOut) {
  EXPECT_THAT(refusal<std::runtime_error>("{{ 'Hello' }}"),
              AllOf(HasSubstr(folder_.path().string()),
                    HasSubstr("must write '<image>' once for each picture"), HasSubstr("0 times for 1")));
}

TEST_F(PromptWriterTest, HandsOnWhatATemplateRefuses) {
  EXPECT_THAT(refusal<std::invalid_argument>("{{ raise_exception('Only systems may speak') }}"),
              AllOf(HasSubstr("chat_template.jinja"), HasSubstr("Only systems may speak")));
}

TEST_F(PromptWriterTest, NeedsATemplate) {
  try {
    with_template("");
    FAIL() << "a model without a template was taken";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(folder_.path().string()), HasSubstr("has no chat template"),
                                    HasSubstr("fetch the model's chat_template.json")));
  }
}

}  // namespace reel::pipeline::prompt_writer_test
