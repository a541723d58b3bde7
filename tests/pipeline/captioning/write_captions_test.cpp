// Whole captioners against transformers, what a text must not depend on, and requests that cannot be served.
#include "pipeline/captioning/write_captions.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/support/captions.h"
#include "tests/support/llava.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::write_captions_test {

namespace fs = std::filesystem;
using guidance::DecodeSettings;
using guidance::FinishReason;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr CaptionBatch kWithTensors{.keep_tensors = true};
const std::vector<size_t> kAll = {0, 1, 2, 3, 4, 5};

/// What a run of requests.json sets, over what the model's folder says.
DecodeSettings settings_of(const nlohmann::json& run, DecodeSettings settings) {
  settings.max_new_tokens = run.at("max_new_tokens");
  settings.num_beams = run.value("num_beams", 1);
  settings.stop_strings = run.value("stop_strings", std::vector<std::string>{});
  return settings;
}

FinishReason reason_of(const std::vector<int64_t>& ids, const DecodeSettings& settings) {
  return std::ranges::count(settings.eos, ids.back()) > 0 ? FinishReason::kStop : FinishReason::kLength;
}

class Captions : public testing::TestWithParam<std::string> {
 protected:
  const CaptionGoldens goldens_{GetParam()};
  const CaptionModel model_ = load_captioner(goldens_.folder());

  DecodeSettings twelve_tokens() const {
    DecodeSettings settings = model_.settings();
    settings.max_new_tokens = 12;
    return settings;
  }
};

TEST_P(Captions, AreThoseOfTransformers) {
  const DecodeSettings settings = twelve_tokens();
  const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll));
  for (const size_t i : kAll) {
    ASSERT_TRUE(outcomes[i].caption) << i << ": " << outcomes[i].fault->message;
    const Caption& caption = *outcomes[i].caption;
    EXPECT_EQ(caption.ids, goldens_.ids(i, "ids")) << i;
    EXPECT_EQ(caption.text, goldens_.requests[i].text) << i;
    EXPECT_EQ(caption.reason, reason_of(caption.ids, settings)) << i;
    EXPECT_GT(caption.seconds, 0);
    EXPECT_FALSE(caption.tensors.input_ids.defined()) << "nobody asked for tensors";
  }
}

TEST_P(Captions, ComeFromTheNumbersOfTransformers) {
  DecodeSettings settings = twelve_tokens();
  settings.eos.clear();
  const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll), kWithTensors);
  size_t with_logits = 0;
  for (const size_t i : kAll) {
    ASSERT_TRUE(outcomes[i].caption) << i << ": " << outcomes[i].fault->message;
    const Caption::Tensors& tensors = outcomes[i].caption->tensors;
    EXPECT_EQ(list_of(tensors.input_ids), goldens_.input_ids(i, model_.network())) << i;
    EXPECT_LE(models::max_error(tensors.pixel_values, goldens_.pixels(i)), 1e-5) << i;
    EXPECT_LE(models::max_error(tensors.image_features, goldens_.expected(i, "image_features")), 1e-4) << i;
    EXPECT_EQ(outcomes[i].caption->ids, goldens_.ids(i, "steps")) << i;
    EXPECT_EQ(tensors.logits.size(0), 12) << i;
    if (!goldens_.has_logits(i)) continue;
    ++with_logits;
    EXPECT_LE(models::share_of_spread(tensors.logits, goldens_.expected(i, "logits")), 2e-4) << i;
  }
  EXPECT_EQ(with_logits, 3U);
}

TEST_P(Captions, HaveThePositionsOfTransformers) {
  for (const size_t i : kAll) {
    const at::Tensor pixels = goldens_.pixels(i), features = goldens_.expected(i, "image_features");
    std::vector<models::PictureTokens> pictures;
    for (const at::Tensor& own : features.chunk(pixels.size(0)))
      pictures.push_back({own, {pixels.size(2), pixels.size(3)}});
    const auto prompt = model_.network().embed(goldens_.input_ids(i, model_.network()), pictures);
    EXPECT_TRUE(at::equal(prompt.positions.flatten(), goldens_.expected(i, "positions").to(at::kFloat))) << i;
    EXPECT_EQ(prompt.position_shift, 0);
  }
}

TEST_P(Captions, OfOtherSettingsAreThoseOfTransformers) {
  std::set<std::string> runs;
  for (const auto& [run, values] : goldens_.settings.items()) {
    runs.insert(run);
    const DecodeSettings settings = settings_of(values, model_.settings());
    const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(kAll), {.rows = 5});
    for (const size_t i : kAll) {
      ASSERT_TRUE(outcomes[i].caption) << run << " " << i << ": " << outcomes[i].fault->message;
      const nlohmann::json& expected = goldens_.requests[i].runs[run];
      const Caption& caption = *outcomes[i].caption;
      EXPECT_EQ(caption.ids, expected["ids"].get<std::vector<int64_t>>()) << run << " " << i;
      EXPECT_EQ(caption.text, expected["text"]) << run << " " << i;
      const bool cut = run == "stop" && model_.prompts().read(caption.ids) != caption.text;
      EXPECT_EQ(caption.reason, cut ? FinishReason::kText : reason_of(caption.ids, settings)) << run << " " << i;
    }
  }
  EXPECT_TRUE(runs.contains("beams_2") && runs.contains("beams_4"));
}

TEST_P(Captions, DoNotDependOnTheirNeighboursBitForBit) {
  const DecodeSettings settings = twelve_tokens();
  std::vector<Caption> alone;
  for (const size_t i : kAll) {
    auto outcome = outcomes_of(model_, settings, goldens_.chosen({i}), {.rows = 1, .keep_tensors = true});
    alone.push_back(std::move(*outcome[0].caption));
  }
  const std::vector<size_t> order = {2, 0, 5, 3, 3, 1, 4, 0, 2, 5, 1};
  for (const CaptionBatch batch : {CaptionBatch{.rows = 1, .keep_tensors = true},
                                   {.rows = 3, .keep_tensors = true},
                                   {.rows = 16, .keep_tensors = true},
                                   {.rows = 4, .keep_tensors = true, .kept_features = 0}}) {
    const auto outcomes = outcomes_of(model_, settings, goldens_.chosen(order), batch);
    for (size_t i = 0; i < order.size(); ++i) {
      const Caption &caption = *outcomes[i].caption, &expected = alone[order[i]];
      const std::string place = "rows " + std::to_string(batch.rows) + ", request " + std::to_string(i);
      EXPECT_EQ(caption.text, expected.text) << place;
      EXPECT_EQ(caption.ids, expected.ids) << place;
      EXPECT_TRUE(at::equal(caption.tensors.pixel_values, expected.tensors.pixel_values)) << place;
      EXPECT_TRUE(at::equal(caption.tensors.image_features, expected.tensors.image_features)) << place;
      EXPECT_TRUE(at::equal(caption.tensors.logits, expected.tensors.logits)) << place;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Captions, testing::ValuesIn(models::golden_cases("captions")), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

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
  void expect(std::vector<CaptionRequest> requests, const std::map<size_t, std::pair<std::string, std::string>>& faults,
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

TEST_F(WriteCaptionsTest, GoesOnIfAllAtFirstAreFaults) {
  expect({unreadable(), unreadable(), unreadable(), unreadable(), request(2)},
         {{0, {"picture", "photo.png"}}, {1, {"picture", ""}}, {2, {"picture", ""}}, {3, {"picture", ""}}}, {{4, 2}});
  expect({unreadable()}, {{0, {"picture", "does not exist"}}}, {});
  expect({}, {}, {});
}

TEST_F(WriteCaptionsTest, NamesPicturesThatTheTowerDoesNotTake) {
  // Without the crop, pictures keep their shape, and the tower takes squares only.
  const TemporaryFolder folder;
  for (const auto& entry : fs::directory_iterator(goldens_.folder()))
    if (entry.is_regular_file()) fs::copy(entry.path(), folder / entry.path().filename().string());
  nlohmann::json whole = nlohmann::json::parse(read_file(folder / "processor_config.json"));
  whole["image_processor"]["do_center_crop"] = false, whole["image_processor"]["do_pad"] = false;
  write_file(folder / "processor_config.json", whole.dump());
  const CaptionModel model = load_captioner(folder.path().string());
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
  const Caption plain = cut({}), early = cut({whole.substr(4, 3)}), later = cut({"nowhere", whole.substr(8, 4)});
  EXPECT_EQ(plain.text, whole);
  EXPECT_THAT(whole, StartsWith(early.text));
  EXPECT_LE(early.text.size(), 4U);
  EXPECT_LT(early.ids.size(), later.ids.size());
  EXPECT_LT(later.ids.size(), plain.ids.size());
  EXPECT_EQ(early.reason, FinishReason::kText);
  EXPECT_EQ(later.reason, FinishReason::kText);
  EXPECT_EQ(plain.reason, FinishReason::kLength);
}

TEST_F(WriteCaptionsTest, StopsAtWhiteSpaceAsSoonAsItComes) {
  // The second word begins a token, whose space is the end of the text so far.
  const Caption plain = *outcomes_of(model_, model_.settings(), {request(1)})[0].caption;
  const std::string first = plain.text.substr(0, plain.text.find(' '));
  DecodeSettings settings = model_.settings();
  settings.stop_strings = {first + " "};
  const Caption cut = *outcomes_of(model_, settings, {request(1)})[0].caption;
  EXPECT_EQ(cut.text, "");
  EXPECT_EQ(cut.reason, FinishReason::kText);
  size_t tokens = 1;
  const auto raw = models::Tokenizer::open(goldens_.folder());
  while (raw->decode({plain.ids.begin(), plain.ids.begin() + int64_t(tokens)}).find(first + " ") == std::string::npos)
    ++tokens;
  EXPECT_EQ(cut.ids, std::vector<int64_t>(plain.ids.begin(), plain.ids.begin() + int64_t(tokens)));
}

TEST_F(WriteCaptionsTest, ComputesTheLogitsOfTextsThatAreGiven) {
  CaptionRequest same = request(3), other = request(3);
  same.forced = goldens_.ids(3, "steps"), other.forced = goldens_.ids(5, "steps");
  ASSERT_NE(same.forced, other.forced);
  for (const int64_t beams : {1, 2}) {
    DecodeSettings settings = model_.settings();
    settings.num_beams = beams;
    const auto outcomes = outcomes_of(model_, settings, {same, other, request(0)}, kWithTensors);
    const Caption &first = *outcomes[0].caption, &second = *outcomes[1].caption;
    EXPECT_EQ(first.ids, same.forced);
    EXPECT_LE(models::share_of_spread(first.tensors.logits, goldens_.expected(3, "logits")), 2e-4);
    EXPECT_EQ(second.ids, other.forced) << "its end token ends nothing";
    EXPECT_TRUE(at::equal(second.tensors.logits[0], first.tensors.logits[0])) << "the prompt is the same";
    EXPECT_FALSE(at::equal(second.tensors.logits[1], first.tensors.logits[1]));
    EXPECT_EQ(second.text, model_.prompts().read(other.forced));
    if (beams == 1) EXPECT_EQ(outcomes[2].caption->text, goldens_.requests[0].text);
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
