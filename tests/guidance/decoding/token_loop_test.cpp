// The token loop against generate() of transformers on tiny LLaVAs, and what a text must not depend on.
#include "guidance/decoding/token_loop.h"

#include <gmock/gmock.h>

#include "attention/plugin/edit_registry.h"
#include "tests/support/llava.h"
#include "tests/support/temporary_folder.h"

namespace reel::guidance::token_loop_test {

using models::golden_folder;

std::vector<int64_t> list(const at::Tensor& ids) {
  return {ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel()};
}

DecodeSettings settings_of(const nlohmann::json& run) {
  DecodeSettings settings;
  settings.max_new_tokens = run.value("max_new_tokens", 0);
  settings.repetition_penalty = run.value("repetition_penalty", 1.0);
  settings.num_beams = run.value("num_beams", 1);
  settings.length_penalty = run.value("length_penalty", 1.0);
  if (run.contains("eos_token_id")) settings.eos = run["eos_token_id"].get<std::vector<int64_t>>();
  if (run.contains("early_stopping"))
    settings.early_stopping =
        run["early_stopping"].is_string() ? EarlyStopping::kNever : EarlyStopping::kAtOnce;
  return settings;
}

class TokenLoop : public testing::TestWithParam<std::string> {
 protected:
  /// Requests for prompts, which may occur several times.
  std::vector<DecodeRequest> requests(const std::vector<size_t>& prompts, uint64_t first_seed = 0) const {
    std::vector<DecodeRequest> all;
    for (const size_t i : prompts)
      all.push_back({.prompt = prompts_[i], .ids = prompts_.golden_ids(i), .seed = first_seed + i});
    return all;
  }
  std::vector<DecodedText> decoded(const DecodeSettings& settings, const std::vector<size_t>& prompts,
                                   DecodeBatch batch = {}, uint64_t first_seed = 0) const {
    attention::Processor attend;
    return decode_all(captioner_->language_model(), settings, batch, attend, requests(prompts, first_seed));
  }
  nlohmann::json runs() const {
    return nlohmann::json::parse(read_file(golden_folder("llava/" + GetParam() + "/runs.json")));
  }

  const Golden golden_{"llava/" + GetParam() + "/golden.safetensors"};
  const std::unique_ptr<models::Captioner> captioner_ = models::load_llava(GetParam());
  const models::LlavaPrompts prompts_{*captioner_, golden_, models::token_in_golden(GetParam())};
};

TEST_P(TokenLoop, WritesWhatTransformersWrites) {
  const nlohmann::json all = runs();
  EXPECT_EQ(all.size(), 8U);
  for (const auto& [run, values] : all.items()) {
    const std::vector<DecodedText> texts = decoded(settings_of(values), {0, 1, 2, 3});
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::vector<int64_t> expected = list(golden_[run + "/expected_ids_" + std::to_string(i)]);
      EXPECT_EQ(texts[i].ids, expected) << run << " " << i;
      const std::vector<int64_t> eos = settings_of(values).eos;
      const bool stops = std::find(eos.begin(), eos.end(), expected.back()) != eos.end();
      EXPECT_EQ(texts[i].reason, stops ? FinishReason::kStop : FinishReason::kLength) << run << " " << i;
    }
  }
}

TEST_P(TokenLoop, GivesTheLogitsOfEachToken) {
  const DecodeSettings settings{.max_new_tokens = 12};
  const std::vector<DecodedText> texts = decoded(settings, {0, 1, 2, 3}, {.keep_logits = true});
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string place = "prompt" + std::to_string(i) + "/expected_";
    EXPECT_EQ(texts[i].ids, list(golden_[place + "ids"]));
    EXPECT_LE(models::share_of_spread(texts[i].logits, golden_[place + "logits"]), 2e-4);
  }
}

TEST_P(TokenLoop, WritesTheSameWhateverIsBesideBitForBit) {
  const nlohmann::json all = runs();
  for (const std::string run : {"stops", "penalty"}) {
    const DecodeSettings settings = settings_of(all[run]);
    std::vector<DecodedText> alone;
    for (size_t i = 0; i < 4; ++i)
      alone.push_back(decoded(settings, {i}, {.rows = 1, .keep_logits = true})[0]);
    const std::vector<size_t> order = {2, 0, 3, 3, 1, 0, 2, 1, 1, 0};
    for (const DecodeBatch batch :
         {DecodeBatch{.rows = 1}, {.rows = 3}, {.rows = 16}, {.rows = 4, .prompt_tokens = 1}}) {
      DecodeBatch kept = batch;
      kept.keep_logits = true;
      const std::vector<DecodedText> texts = decoded(settings, order, kept);
      for (size_t i = 0; i < order.size(); ++i) {
        EXPECT_EQ(texts[i].ids, alone[order[i]].ids) << run << " rows " << batch.rows << " request " << i;
        EXPECT_TRUE(at::equal(texts[i].logits, alone[order[i]].logits))
            << run << " rows " << batch.rows << " " << i;
      }
    }
  }
}

TEST_P(TokenLoop, LetsChanceDependOnARequestsSeedAlone) {
  const DecodeSettings settings{.max_new_tokens = 10, .temperature = 1.5, .top_k = 30, .top_p = 0.95};
  const std::vector<DecodedText> together = decoded(settings, {0, 1, 2, 3, 0}, {.rows = 3});
  EXPECT_EQ(together[4].ids, together[0].ids) << "the same prompt and seed";
  int same = 0;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(decoded(settings, {i}, {.rows = 1})[0].ids, together[i].ids) << i;
    same += decoded(settings, {i}, {.rows = 1}, /*first_seed=*/100)[0].ids == together[i].ids;
  }
  EXPECT_LT(same, 4) << "another seed";
}

INSTANTIATE_TEST_SUITE_P(Cases, TokenLoop, testing::ValuesIn(models::golden_cases("llava")),
                         [](const auto& info) { return info.param; });

/// Counts what it is told of.
class Counting : public attention::Edit {
 public:
  struct Counts {
    int begun = 0, forked = 0, ended = 0, finished = 0;
    std::set<uint64_t> alive;
    std::vector<int> steps;
  };
  explicit Counting(Counts& counts) : counts_(counts) {}
  attention::Hooks hooks() const override { return {.inputs = true}; }
  void begin_step(const Step& step) override { counts_.steps.push_back(step.index); }
  void on_inputs(attention::Call& call) override {
    for (const Row& row : call.rows) EXPECT_TRUE(counts_.alive.count(row.sequence->id));
    EXPECT_EQ(call.step.index == 0, call.q.size(3) > 1);
  }
  void begin(const Sequence& sequence) override {
    ++counts_.begun;
    EXPECT_TRUE(counts_.alive.insert(sequence.id).second);
    EXPECT_GT(sequence.prompt_tokens, 0);
  }
  void fork(const Sequence& from, const Sequence& to) override {
    ++counts_.forked;
    EXPECT_TRUE(counts_.alive.count(from.id));
    EXPECT_TRUE(counts_.alive.insert(to.id).second);
    EXPECT_EQ(from.images.size(), to.images.size());
  }
  void end(const Sequence& sequence) override {
    ++counts_.ended;
    EXPECT_EQ(counts_.alive.erase(sequence.id), 1U);
  }
  void finish() override { ++counts_.finished; }

 private:
  Counts& counts_;
};

class TokenLoopTest : public testing::Test {
 protected:
  const Golden golden_{"llava/gqa_llama3_full/golden.safetensors"};
  const std::unique_ptr<models::Captioner> captioner_ = models::load_llava("gqa_llama3_full");
  const models::LlavaPrompts prompts_{*captioner_, golden_};
  DecodeRequest request(size_t i) const { return {.prompt = prompts_[i], .ids = prompts_.ids(i)}; }
};

TEST_F(TokenLoopTest, TellsEditsOfTheLifeOfEachRow) {
  for (const int64_t beams : {1, 3}) {
    Counting::Counts counts;
    attention::EditRule rule;
    rule.name = "counting";
    rule.make = [&] { return std::make_unique<Counting>(counts); };
    attention::Processor attend({rule});
    std::vector<DecodeRequest> requests;
    for (const size_t i : {0, 1, 2, 3, 0}) requests.push_back(request(i));
    decode_all(captioner_->language_model(), {.max_new_tokens = 5, .num_beams = beams, .eos = {3}},
               {.rows = 6}, attend, std::move(requests));
    EXPECT_EQ(counts.begun, 5);
    EXPECT_EQ(counts.forked > 0, beams > 1);
    EXPECT_EQ(counts.ended, counts.begun + counts.forked);
    EXPECT_TRUE(counts.alive.empty());
    EXPECT_EQ(counts.finished, 1);
    EXPECT_THAT(counts.steps, testing::Contains(0));
    EXPECT_THAT(counts.steps, testing::Contains(1));
  }
}

TEST_F(TokenLoopTest, AppliesEditsThatANeutralOptionMakesInvisible) {
  attention::EditRegistry registry;
  attention::register_edits(registry);
  const auto texts = [&](const std::string& edit) {
    attention::EditPlan plan;
    if (!edit.empty()) plan.push_back(registry.parse(edit));
    attention::Processor attend(plan);
    std::vector<DecodeRequest> requests;
    for (const size_t i : {0, 1, 2}) requests.push_back(request(i));
    std::vector<at::Tensor> logits;
    for (const DecodedText& text : decode_all(captioner_->language_model(), {.max_new_tokens = 6},
                                              {.keep_logits = true}, attend, std::move(requests)))
      logits.push_back(text.logits);
    return at::cat(logits);
  };
  const at::Tensor plain = texts("");
  EXPECT_TRUE(at::equal(texts("scale:factor=1@kind=causal"), plain));
  EXPECT_TRUE(at::equal(texts("scale:factor=2@kind=vision"), plain)) << "pictures are looked at before";
  EXPECT_FALSE(at::equal(texts("scale:factor=2@kind=causal steps=1-1"), plain));
  EXPECT_TRUE(at::equal(texts("scale:factor=2@kind=causal steps=1-1")[0], plain[0]))
      << "the first token is the prompt's";
}

TEST_F(TokenLoopTest, AsksForRequestsOnlyWhenRowsAreFreeAndTellsEachToken) {
  size_t given = 0, done = 0, most = 0;
  std::map<size_t, std::vector<int64_t>> heard;
  attention::Processor attend;
  decode(captioner_->language_model(), {.max_new_tokens = 12}, {.rows = 2}, attend,
         {.next = [&]() -> std::optional<DecodeRequest> {
            if (given == 6) return std::nullopt;
            most = std::max(most, ++given - done);
            return request(given % 4);
          },
          .on_token =
              [&](size_t number, int64_t token) {
                heard[number].push_back(token);
                return number != 2 || heard[number].size() < 3;  // the third text is cut short
              },
          .on_done =
              [&](size_t number, DecodedText text) {
                ++done;
                EXPECT_EQ(text.ids, heard.at(number));
                EXPECT_EQ(text.ids.size(), number == 2 ? 3U : 12U);
                EXPECT_EQ(text.reason, number == 2 ? FinishReason::kText : FinishReason::kLength);
              }});
  EXPECT_EQ(done, 6U);
  EXPECT_LE(most, 2U);
}

TEST_F(TokenLoopTest, ComputesTheLogitsOfATextThatIsGiven) {
  DecodeRequest forced = request(1);
  forced.forced = {5, 2, 9};
  attention::Processor attend;
  std::vector<DecodeRequest> requests = {forced};
  const DecodedText text =
      decode_all(captioner_->language_model(), {.max_new_tokens = 12, .num_beams = 4, .eos = {2}},
                 {.keep_logits = true}, attend, requests)[0];
  EXPECT_EQ(text.ids, forced.forced);
  const models::LanguageModel& model = captioner_->language_model();
  const at::Tensor tokens =
      at::cat({prompts_[1].embedded, model.embed(at::tensor({int64_t{5}, int64_t{2}}).view({1, 2}))}, 1);
  const std::vector<Row> rows(1);
  const at::Tensor hidden = model.forward(
      tokens, {.rows = rows, .positions = at::arange(tokens.size(1), at::kFloat).view({1, -1, 1})}, attend);
  EXPECT_LE(models::share_of_spread(text.logits, model.logits(hidden.narrow(1, hidden.size(1) - 3, 3))[0]),
            1e-5);
}

TEST_F(TokenLoopTest, RefusesWhatCannotBe) {
  attention::Processor attend;
  EXPECT_THROW(decode_all(captioner_->language_model(), {.temperature = -1}, {}, attend, {}),
               std::invalid_argument);
  DecodeRequest long_prompt = request(2);
  long_prompt.prompt.embedded = at::zeros({1, 256, 40});
  long_prompt.prompt.positions = at::arange(256, at::kFloat).view({1, -1, 1});
  std::vector<DecodeRequest> requests = {long_prompt};
  EXPECT_THROW(decode_all(captioner_->language_model(), {}, {}, attend, requests), std::invalid_argument);
  EXPECT_TRUE(decode_all(captioner_->language_model(), {}, {}, attend, {}).empty());
}

}  // namespace reel::guidance::token_loop_test
