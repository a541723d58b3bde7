// What a run of many captions does: pictures seen once, requests that cannot be served, ends of texts.
#include "pipeline/captioning/write_captions.h"

#include <gmock/gmock.h>

#include "tests/support/captions.h"
#include "tests/support/llava.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::write_captions_test {

namespace fs = std::filesystem;
using guidance::DecodeSettings;
using guidance::FinishReason;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr CaptionBatch kWithTensors{.keep_tensors = true};

/// Counts the pictures that the tower's first layer is shown, of each pass.
class TowerCounter : public attention::Edit {
 public:
  explicit TowerCounter(std::vector<int64_t>& passes) : passes_(passes) {}
  attention::Hooks hooks() const override { return {.inputs = true, .observes = true}; }
  void on_inputs(attention::Call& call) override {
    if (call.site.kind == attention::SiteKind::kVision && call.site.block == 0)
      passes_.push_back(call.q.size(0) * call.q.size(1));
  }

 private:
  std::vector<int64_t>& passes_;
};

class WriteCaptionsTest : public testing::Test {
 protected:
  const CaptionGoldens goldens_{"resaved_pad_bf16"};
  const CaptionModel model_ = load_captioner(goldens_.folder());

  CaptionRequest request(size_t i) const { return goldens_.requests[i].request(); }
  CaptionRequest asked(const std::string& question) const {
    CaptionRequest one = request(0);
    one.prompt = question;
    return one;
  }
  static CaptionRequest unreadable() {
    CaptionRequest one;
    one.read = []() -> std::vector<at::Tensor> { return {media::read_picture("/nowhere/photo.png")}; };
    one.prompt = "What is it?";
    return one;
  }
  void copy_to(const TemporaryFolder& folder) const {
    for (const auto& entry : fs::directory_iterator(goldens_.folder()))
      if (entry.is_regular_file()) fs::copy(entry.path(), folder / entry.path().filename().string());
  }
  /// The model with another file.
  CaptionModel changed(const std::string& name, const std::function<void(nlohmann::json&)>& change) const {
    const TemporaryFolder folder;
    copy_to(folder);
    nlohmann::json file = nlohmann::json::parse(read_file(folder / name));
    change(file);
    write_file(folder / name, file.dump());
    return load_captioner(folder.path().string());
  }
  /// Pictures that the tower was shown, pass by pass.
  std::vector<int64_t> passes(const std::vector<size_t>& requests, const CaptionBatch& batch) const {
    std::vector<int64_t> seen;
    attention::EditRule rule;
    rule.name = "tower_counter";
    rule.make = [&] { return std::make_unique<TowerCounter>(seen); };
    outcomes_of(model_, {.max_new_tokens = 1}, goldens_.chosen(requests), batch, {rule});
    return seen;
  }
  /// Expects each fault by what it says, and that all other requests have the texts of the goldens.
  void expect(std::vector<CaptionRequest> requests,
              const std::map<size_t, std::pair<std::string, std::string>>& faults,
              const std::map<size_t, size_t>& captions) const {
    for (const int64_t rows : {1, 3, 16}) {
      const auto outcomes = outcomes_of(model_, model_.settings(), requests, {.rows = rows});
      for (size_t i = 0; i < outcomes.size(); ++i) {
        const auto fault = faults.find(i);
        ASSERT_EQ(outcomes[i].fault.has_value(), fault != faults.end()) << i;
        if (fault != faults.end()) {
          EXPECT_EQ(outcomes[i].fault->kind, fault->second.first) << i;
          EXPECT_THAT(outcomes[i].fault->message, HasSubstr(fault->second.second)) << i;
          EXPECT_EQ(std::ranges::count(outcomes[i].fault->message, '\n'), 0);
        } else {
          EXPECT_EQ(outcomes[i].caption->text, goldens_.requests[captions.at(i)].text) << i;
        }
      }
    }
  }
};

TEST_F(WriteCaptionsTest, SeesAPictureOnce) {
  // Requests 0 and 2 share a picture, as do 1 and 5, and 3 and 5.
  EXPECT_THAT(passes({0, 2, 0}, {.rows = 8}), ElementsAre(1));
  EXPECT_THAT(passes({0, 1, 2, 3, 4, 5}, {.rows = 8}), ElementsAre(4));
  EXPECT_THAT(passes({0, 2, 1, 5, 3}, {.rows = 1}), ElementsAre(1, 1, 1));
}

TEST_F(WriteCaptionsTest, KeepsFeaturesUpToTheirBytes) {
  EXPECT_THAT(passes({0, 2}, {.rows = 1, .kept_features = 0}), ElementsAre(1, 1));
  const int64_t one = 9 * 36 * 4;  // features of a picture
  EXPECT_THAT(passes({0, 2, 1, 0, 1}, {.rows = 1, .kept_features = one}), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(passes({0, 2, 1, 0, 1}, {.rows = 1, .kept_features = 2 * one}), ElementsAre(1, 1));
  EXPECT_THAT(passes({0, 1, 0, 3, 0, 1}, {.rows = 1, .kept_features = 2 * one}), ElementsAre(1, 1, 1, 1))
      << "what was not used for longest goes first";
}

TEST_F(WriteCaptionsTest, GivesOneFaultForEachRequestThatCannotBeServed) {
  std::string novel;
  for (int i = 0; i < 60; ++i) novel += "a horse on the moon and ";
  expect({request(0), unreadable(), request(1), asked("Is <image> the same?"), asked(novel), request(3)},
         {{1, {"picture", "[/nowhere/photo.png] does not exist"}},
          {3, {"prompt", "[prompt] must not hold '<image>'"}},
          {4, {"prompt", "and the model takes 96 of prompt and answer together"}}},
         {{0, 0}, {2, 1}, {5, 3}});
}

TEST_F(WriteCaptionsTest, RefusesAGivenAnswerThatDoesNotFitBehindItsPrompt) {
  CaptionRequest given = request(1);
  given.forced.assign(90, 300);
  expect({given, request(0)}, {{0, {"prompt", "tokens and the given answer 90, and the model takes 96"}}},
         {{1, 0}});
}

TEST_F(WriteCaptionsTest, GoesOnIfAllAtFirstAreFaults) {
  expect({unreadable(), unreadable(), unreadable(), unreadable(), request(2)},
         {{0, {"picture", "photo.png"}}, {1, {"picture", ""}}, {2, {"picture", ""}}, {3, {"picture", ""}}},
         {{4, 2}});
  expect({unreadable()}, {{0, {"picture", "does not exist"}}}, {});
  expect({}, {}, {});
}

TEST_F(WriteCaptionsTest, NamesPicturesThatTheTowerDoesNotTake) {
  // Without the crop, pictures keep their shape, and the tower takes squares only.
  const CaptionModel model = changed("processor_config.json", [](nlohmann::json& file) {
    file["image_processor"]["do_center_crop"] = false, file["image_processor"]["do_pad"] = false;
  });
  CaptionRequest square = request(0);
  square.read = [] { return std::vector{at::full({40, 40, 3}, 90, at::kByte)}; };
  const auto outcomes = outcomes_of(model, {.max_new_tokens = 2}, {request(0), square, request(1)});
  for (const size_t i : {0, 2}) {
    ASSERT_TRUE(outcomes[i].fault) << i;
    EXPECT_EQ(outcomes[i].fault->kind, "picture");
    EXPECT_THAT(outcomes[i].fault->message, HasSubstr("pictures must be 20x20 pixels"));
  }
  EXPECT_TRUE(outcomes[1].caption);
}

TEST_F(WriteCaptionsTest, NamesTokensThatTheModelDoesNotKnow) {
  const CaptionModel model = changed("tokenizer.json", [](nlohmann::json& file) {
    nlohmann::json token = file["added_tokens"].back();
    token["id"] = 392, token["content"] = "<odd>";
    file["added_tokens"].push_back(token);
  });
  const auto outcomes = outcomes_of(model, model.settings(), {asked("an <odd> one"), request(1)});
  ASSERT_TRUE(outcomes[0].fault);
  EXPECT_EQ(outcomes[0].fault->kind, "prompt");
  EXPECT_THAT(outcomes[0].fault->message, HasSubstr("[prompt] has the token 392"));
  EXPECT_EQ(outcomes[1].caption->text, goldens_.requests[1].text);
}

TEST_F(WriteCaptionsTest, NamesPromptsThatTheTemplateFailsAt) {
  const TemporaryFolder folder;
  copy_to(folder);
  write_file(folder / "chat_template.jinja",
             "{% for p in messages[0]['content'] %}{% if p.type == 'image' %}<image>{% elif p.text == 'fail' "
             "%}{{ 1 / 0 }}"
             "{% elif p.text == 'refuse' %}{{ raise_exception('not so') }}{% else %}{{ p.text }}{% endif "
             "%}{% endfor %}");
  const CaptionModel model = load_captioner(folder.path().string());
  const auto outcomes =
      outcomes_of(model, {.max_new_tokens = 2}, {asked("fail"), asked("go on"), asked("refuse")});
  for (const size_t i : {0, 2}) {
    ASSERT_TRUE(outcomes[i].fault) << i;
    EXPECT_EQ(outcomes[i].fault->kind, "prompt");
    EXPECT_THAT(outcomes[i].fault->message, HasSubstr(i == 2 ? "not so" : "chat_template.jinja"));
  }
  EXPECT_TRUE(outcomes[1].caption);
}

TEST_F(WriteCaptionsTest, RefusesATemplateThatAlwaysFailsBeforeTheWork) {
  const TemporaryFolder folder;
  copy_to(folder);
  write_file(folder / "chat_template.jinja", "{{ 'Hello' }}");
  EXPECT_THROW(load_captioner(folder.path().string()), std::runtime_error);
}

TEST_F(WriteCaptionsTest, EndsIfACallbackThrows) {
  attention::Processor attend;
  bool asked = false;
  const auto next = [&]() -> std::optional<CaptionRequest> {
    return std::exchange(asked, true) ? std::nullopt : std::optional(request(0));
  };
  const auto run = [&](CaptionCallbacks callbacks) {
    asked = false;
    write_captions(model_, {.max_new_tokens = 4}, {}, attend, callbacks);
  };
  const auto done = [](size_t, const Caption&) {};
  const auto fault = [](size_t, const CaptionFault&) {};
  EXPECT_THROW(run({.next = []() -> std::optional<CaptionRequest> { throw std::runtime_error("next"); },
                    .on_done = done,
                    .on_fault = fault}),
               std::runtime_error);
  EXPECT_THROW(run({.next = next,
                    .on_done = [](size_t, const Caption&) { throw std::runtime_error("full"); },
                    .on_fault = fault}),
               std::runtime_error);
  int steps = 0;
  EXPECT_THROW(run({.next = next,
                    .on_done = done,
                    .on_fault = fault,
                    .between_steps = [&] { steps == 3 ? throw std::runtime_error("stop") : ++steps; }}),
               std::runtime_error);
}

TEST_F(WriteCaptionsTest, CutsTextsAtStopStrings) {
  const std::string whole = goldens_.requests[1].text;
  const auto cut = [&](const std::vector<std::string>& stops) {
    DecodeSettings settings = model_.settings();
    settings.stop_strings = stops;
    return *outcomes_of(model_, settings, {request(1)})[0].caption;
  };
  const Caption plain = cut({}), early = cut({whole.substr(4, 3)}),
                later = cut({"nowhere", whole.substr(8, 4)});
  EXPECT_EQ(plain.text, whole);
  EXPECT_THAT(whole, StartsWith(early.text));
  EXPECT_LE(early.text.size(), 4U);
  EXPECT_LT(early.ids.size(), later.ids.size());
  EXPECT_LT(later.ids.size(), plain.ids.size());
  EXPECT_EQ(early.reason, FinishReason::kText);
  EXPECT_EQ(later.reason, FinishReason::kText);
  EXPECT_EQ(plain.reason, FinishReason::kLength);
}

TEST_F(WriteCaptionsTest, CutsBeamsAtStopStringsToo) {
  DecodeSettings settings = settings_of(goldens_.settings["beams_2"], model_.settings());
  const auto whole = goldens_.requests[1].runs["beams_2"];
  settings.stop_strings = {whole["text"].get<std::string>().substr(4, 3)};
  const Caption cut = *outcomes_of(model_, settings, {request(1)})[0].caption;
  EXPECT_EQ(cut.ids, whole["ids"].get<std::vector<int64_t>>());
  EXPECT_THAT(whole["text"].get<std::string>(), StartsWith(cut.text));
  EXPECT_LE(cut.text.size(), 4U);
  EXPECT_EQ(cut.reason, FinishReason::kText);
}

TEST_F(WriteCaptionsTest, ComputesTheLogitsOfTextsThatAreGiven) {
  CaptionRequest same = request(3), other = request(3);
  same.forced = goldens_.ids(3, "steps"), other.forced = goldens_.ids(5, "steps");
  ASSERT_NE(same.forced, other.forced);
  for (const int64_t beams : {1, 2}) {
    DecodeSettings settings = model_.settings();
    settings.num_beams = beams, settings.max_new_tokens = 3;  // which searched texts keep to
    settings.stop_strings = {model_.prompts().read({same.forced.begin(), same.forced.begin() + 2})};
    const auto outcomes = outcomes_of(model_, settings, {same, other, request(0)}, kWithTensors);
    const Caption &first = *outcomes[0].caption, &second = *outcomes[1].caption;
    EXPECT_EQ(first.ids, same.forced) << "neither the number of tokens nor a stop string ends it";
    EXPECT_EQ(first.text, model_.prompts().read(same.forced));
    EXPECT_EQ(first.reason, FinishReason::kLength);
    EXPECT_LE(models::share_of_spread(first.tensors.logits, goldens_.expected(3, "logits")), 2e-4);
    EXPECT_EQ(second.ids, other.forced) << "its end token ends nothing";
    // The same prompt: the logits are those of the tokens that the two answers share at their beginning.
    const auto shared = std::ranges::mismatch(same.forced, other.forced).in1 - same.forced.begin();
    for (int64_t i = 0; i <= shared; ++i)
      EXPECT_TRUE(at::equal(second.tensors.logits[i], first.tensors.logits[i])) << i;
    EXPECT_FALSE(at::equal(second.tensors.logits[shared + 1], first.tensors.logits[shared + 1]));
    EXPECT_EQ(second.text, model_.prompts().read(other.forced));
    EXPECT_LE(outcomes[2].caption->ids.size(), 3U);
  }
}

TEST_F(WriteCaptionsTest, WritesOfWordsAlone) {
  CaptionRequest words = request(0);
  words.read = [] { return std::vector<at::Tensor>(); };
  const auto outcomes = outcomes_of(model_, {.max_new_tokens = 3}, {words, request(1)}, kWithTensors);
  ASSERT_TRUE(outcomes[0].caption);
  EXPECT_FALSE(outcomes[0].caption->tensors.pixel_values.defined());
  EXPECT_FALSE(outcomes[0].caption->tensors.image_features.defined());
  EXPECT_EQ(list_of(outcomes[0].caption->tensors.input_ids), model_.prompts().write(words.prompt, 0));
  EXPECT_TRUE(outcomes[1].caption->tensors.pixel_values.defined());
}

}  // namespace reel::pipeline::write_captions_test
