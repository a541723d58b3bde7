// LLaVA against transformers, on tiny random configurations: features, logits, ids, layouts, storage types. Above
// 300 lines because each family has one test file.
#include <gmock/gmock.h>

#include "models/files/safetensors.h"
#include "tests/support/llava.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::llava_test {

using testing::HasSubstr;

constexpr int64_t kSteps = 12;

class LlavaGolden : public testing::TestWithParam<std::string> {
 protected:
  const c10::InferenceMode inference_;
  const Golden golden_{"llava/" + GetParam() + "/golden.safetensors"};
  const std::unique_ptr<Captioner> captioner_ = load_llava(GetParam());
  const LlavaPrompts prompts_{*captioner_, golden_, token_in_golden(GetParam())};
  at::Tensor expected(size_t prompt, const std::string& name) const {
    return golden_["prompt" + std::to_string(prompt) + "/expected_" + name];
  }
};

TEST_P(LlavaGolden, SeesInPicturesWhatTransformersSees) {
  int pictures = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const std::string pixels = "prompt" + std::to_string(i) + "/pixels";
    if (!golden_.has(pixels)) continue;
    EXPECT_LE(max_error(captioner_->picture_features(golden_[pixels]), expected(i, "image_features")), 1e-4);
    pictures += int(golden_[pixels].size(0));
  }
  EXPECT_EQ(pictures, 4);
}

TEST_P(LlavaGolden, ContinuesPromptsAsTransformersDoes) {
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const Greedy text = decode_greedily(*captioner_, prompts_, {i}, kSteps)[0];
    EXPECT_TRUE(at::equal(at::tensor(text.ids, at::kLong), expected(i, "ids"))) << i;
    EXPECT_LE(share_of_spread(text.logits, expected(i, "logits")), 2e-4) << i;
  }
}

TEST_P(LlavaGolden, GivesTheSameLogitsWithoutACache) {
  const LanguageModel& model = captioner_->language_model();
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const at::Tensor ids = expected(i, "ids").unsqueeze(0);
    const int64_t prompt = prompts_[i].embedded.size(1), all = prompt + kSteps - 1;
    const at::Tensor tokens = at::cat({prompts_[i].embedded, model.embed(ids.narrow(1, 0, kSteps - 1))}, 1);
    attention::Processor attend;
    const std::vector<Row> rows(1);
    const at::Tensor hidden = model.forward(
        tokens, {.rows = rows, .positions = at::arange(all, at::kFloat).view({1, -1, 1})}, attend);
    EXPECT_LE(share_of_spread(model.logits(hidden.narrow(1, prompt - 1, kSteps))[0], expected(i, "logits")),
              2e-4);
  }
}

TEST_P(LlavaGolden, GivesRowsOfABatchWhatTheyGetAloneBitForBit) {
  std::vector<size_t> all = {3, 1, 0, 2};
  const std::vector<Greedy> together = decode_greedily(*captioner_, prompts_, all, kSteps);
  std::vector<int64_t> lengths;
  for (size_t r = 0; r < all.size(); ++r) {
    const Greedy alone = decode_greedily(*captioner_, prompts_, {all[r]}, kSteps)[0];
    EXPECT_TRUE(at::equal(alone.logits, together[r].logits)) << "prompt " << all[r];
    lengths.push_back(prompts_[all[r]].embedded.size(1));
  }
  EXPECT_THAT(lengths, testing::Not(testing::Each(lengths[0]))) << "prompts of unequal length";
}

TEST_P(LlavaGolden, ReadsPromptsOfOneLengthTogetherBitForBit) {
  const LanguageModel& model = captioner_->language_model();
  std::vector<Row> rows = {prompts_.row(0), prompts_.row(2), prompts_.row(3)};
  std::vector<at::Tensor> tokens;
  for (const size_t i : {0, 1, 3}) tokens.push_back(prompts_[i].embedded.narrow(1, 0, 9));
  const at::Tensor positions = at::arange(9, at::kFloat).view({1, -1, 1});
  attention::Processor attend;
  LayerCaches caches(model.layers());
  const at::Tensor together =
      model.forward(at::cat(tokens), {.rows = rows, .positions = positions, .caches = &caches}, attend);
  for (size_t r = 0; r < rows.size(); ++r) {
    LayerCaches own(model.layers());
    EXPECT_TRUE(at::equal(
        model.forward(tokens[r], {.rows = {&rows[r], 1}, .positions = positions, .caches = &own}, attend),
        together.narrow(0, int64_t(r), 1)));
  }
}

TEST_P(LlavaGolden, GivesPicturesOfABatchWhatTheyGetAloneBitForBit) {
  const at::Tensor pixels =
      at::cat({golden_["prompt1/pixels"], golden_["prompt0/pixels"], golden_["prompt3/pixels"]});
  const at::Tensor together = captioner_->picture_features(pixels);
  for (int64_t p = 0; p < pixels.size(0); ++p)
    EXPECT_TRUE(at::equal(captioner_->picture_features(pixels.narrow(0, p, 1)), together.narrow(0, p, 1)))
        << p;
}

TEST_P(LlavaGolden, StaysNearInTheHalvesThatItsWeightsAreStoredIn) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    const auto half = load_llava(GetParam(), {.dtype = dtype});
    EXPECT_EQ(half->language_model().dtype(), dtype);
    const LlavaPrompts prompts(*half, golden_, token_in_golden(GetParam()));
    for (size_t i = 0; i < prompts.size(); ++i) {
      const Greedy text = decode_greedily(*half, prompts, {i}, 1)[0];
      EXPECT_LE(share_of_spread(text.logits[0], expected(i, "logits")[0]), dtype == at::kHalf ? 5e-3 : 4e-2)
          << i;
    }
  }
}

TEST_P(LlavaGolden, SaysWherePicturesStand) {
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const std::vector<int64_t>& ids = prompts_.ids(i);
    int64_t covered = 0;
    for (const ImageSpan& span : prompts_[i].images) {
      for (int64_t k = 0; k < span.count; ++k)
        EXPECT_EQ(ids[size_t(span.begin + k)], captioner_->image_token());
      EXPECT_LE(span.count - span.height * span.width, 1);
      covered += span.count;
    }
    EXPECT_EQ(covered, std::count(ids.begin(), ids.end(), captioner_->image_token()));
  }
  EXPECT_EQ(prompts_[1].images.size(), 2U);
  EXPECT_EQ(prompts_[1].images[1].image, 1);
  EXPECT_TRUE(prompts_[2].images.empty());
}

INSTANTIATE_TEST_SUITE_P(Cases, LlavaGolden, testing::ValuesIn(golden_cases("llava")),
                         [](const auto& info) { return info.param; });

/// A tiny folder under other names of its tensors.
class LlavaLayouts : public testing::Test {
 protected:
  using Tensors = std::map<std::string, at::Tensor>;
  using Rule = std::function<std::string(const std::string&)>;

  Tensors read(const std::string& folder) const {
    const Checkpoint checkpoint = Checkpoint::open(folder);
    Tensors tensors;
    for (const std::string& name : checkpoint.names()) tensors[name] = checkpoint.view(name).clone();
    return tensors;
  }
  static std::string replaced(std::string name, const std::string& from, const std::string& to) {
    if (name.starts_with(from)) name.replace(0, from.size(), to);
    return name;
  }
  std::unique_ptr<Captioner> load(const Tensors& tensors, const Config& config) {
    const std::string folder = folder_ / std::to_string(++count_);
    std::filesystem::create_directory(folder);
    write_safetensors(folder + "/model.safetensors", tensors);
    ComponentFiles files{.folder = folder, .config = config};
    return families().of(config).captioner(files, {});
  }
  std::unique_ptr<Captioner> load(const Tensors& tensors, const Config& config, const Rule& rule) {
    Tensors renamed;
    for (const auto& [name, tensor] : tensors) renamed[rule(name)] = tensor;
    return load(renamed, config);
  }
  std::string error_of(const Tensors& tensors, const Config& config) {
    try {
      load(tensors, config);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  TemporaryFolder folder_;
  int count_ = 0;
};

TEST_F(LlavaLayouts, GiveTheSameNetwork) {
  const c10::InferenceMode inference;
  const std::string name = "gqa_llama3_full";
  const Golden golden("llava/" + name + "/golden.safetensors");
  const ComponentFiles files = llava_files(golden_folder("llava/" + name));
  const Tensors older = read(files.folder);
  const Rule inner = [](const std::string& full) {
    std::string n = replaced(full, "language_model.lm_head.", "lm_head.");
    n = replaced(n, "language_model.model.", "language_model.");
    return replaced(n, "vision_tower.vision_model.", "vision_tower.");
  };
  const Rule newest = [&](const std::string& full) {
    return full.ends_with("lm_head.weight") ? "lm_head.weight" : "model." + inner(full);
  };
  const Rule since_4_52 = [&](const std::string& full) {
    return replaced(newest(full), "model.vision_tower.", "model.vision_tower.vision_model.");
  };
  const Rule resaved = [](const std::string& full) {
    return replaced(full, "vision_tower.vision_model.", "vision_tower.");
  };
  const Rule original = [&](const std::string& full) {
    std::string n = replaced(inner(full), "language_model.", "model.");
    n = replaced(n, "vision_tower.", "model.vision_tower.vision_tower.vision_model.");
    n = replaced(n, "multi_modal_projector.linear_1", "model.mm_projector.0");
    return replaced(n, "multi_modal_projector.linear_2", "model.mm_projector.2");
  };
  // The configuration of the original code: a Llama's, with keys of its own for the rest.
  const Config original_config = files.config.object("text_config")
                                     .with("architectures", R"(["LlavaLlamaForCausalLM"])")
                                     .with("model_type", R"("llava_llama")")
                                     .with("mm_vision_tower", R"("openai/clip-vit-large-patch14-336")")
                                     .with("mm_projector_type", R"("mlp2x_gelu")")
                                     .with("mm_vision_select_feature", R"("cls_patch")")
                                     .with("mm_vision_select_layer", "-2")
                                     .with("vision_config", files.config.object("vision_config").json());
  const auto expected = load(older, files.config);
  const at::Tensor pixels = golden["prompt1/pixels"], features = expected->picture_features(pixels);
  const LlavaPrompts expected_prompts(*expected, golden);
  const Greedy text = decode_greedily(*expected, expected_prompts, {1}, 3)[0];
  const std::vector<std::pair<const Rule*, const Config*>> layouts = {{&inner, &files.config},
                                                                      {&newest, &files.config},
                                                                      {&since_4_52, &files.config},
                                                                      {&resaved, &files.config},
                                                                      {&original, &original_config}};
  for (size_t i = 0; i < layouts.size(); ++i) {
    // MKL with SSE4.2 rounds by how weights lie in their file.
    const auto other = load(older, *layouts[i].second, *layouts[i].first);
    EXPECT_LE(share_of_spread(other->picture_features(pixels), features), 1e-6) << i;
    const LlavaPrompts prompts(*other, golden, i + 1 == layouts.size() ? expected->image_token() : -1);
    EXPECT_LE(share_of_spread(decode_greedily(*other, prompts, {1}, 3)[0].logits, text.logits), 1e-6) << i;
  }
}

TEST_F(LlavaLayouts, NameWhatIsMissingUnexpectedOrMixed) {
  const ComponentFiles files = llava_files(golden_folder("llava/gqa_llama3_full"));
  const Tensors tensors = read(files.folder);
  Tensors broken = tensors;
  broken["model.image_newline"] = at::ones({40});
  broken.erase("language_model.model.layers.2.mlp.up_proj.weight");
  broken["vision_tower.vision_model.encoder.layers.3.mlp.fc1.bias"] =
      at::ones({29});  // of a layer that does not run
  broken.erase("vision_tower.vision_model.post_layernorm.bias");
  const std::string error = error_of(broken, files.config);
  EXPECT_THAT(error, HasSubstr("unexpected: model.image_newline [40]"));
  EXPECT_THAT(error, HasSubstr("missing: language_model.layers.2.mlp.up_proj.weight [48, 40]"));
  EXPECT_THAT(error,
              HasSubstr("wrong shape: vision_tower.encoder.layers.3.mlp.fc1.bias must be [28], got [29]"));
  EXPECT_THAT(error, HasSubstr("missing: vision_tower.post_layernorm.bias"));

  broken = tensors;
  broken["model.mm_projector.0.weight"] = at::ones({2, 2});
  EXPECT_THAT(error_of(broken, files.config), HasSubstr("got both"));
  broken = tensors;
  broken["lm_head.weight"] = tensors.at("language_model.lm_head.weight");
  EXPECT_THAT(error_of(broken, files.config), HasSubstr("both mean 'lm_head.weight'"));
  EXPECT_THAT(error_of({{"lm_head.weight", at::ones({2, 2})}}, files.config), HasSubstr("got neither"));
}

TEST_F(LlavaLayouts, TieTheHeadThatIsThereTwiceAndHeedOneThatDiffers) {
  const std::string name = "tied_linear_bf16_sharded";
  const Golden golden("llava/" + name + "/golden.safetensors");
  const ComponentFiles files = llava_files(golden_folder("llava/" + name));
  Tensors tensors = read(files.folder);
  const auto logits = [&](const Tensors& chosen) {
    const auto captioner = load(chosen, files.config);
    return decode_greedily(*captioner, LlavaPrompts(*captioner, golden), {0}, 1)[0].logits;
  };
  const at::Tensor tied = logits(tensors);
  tensors["lm_head.weight"] = tensors.at("model.language_model.embed_tokens.weight").clone();
  EXPECT_TRUE(at::equal(logits(tensors), tied));
  Tensors only_head = tensors;
  only_head.erase("model.language_model.embed_tokens.weight");
  EXPECT_TRUE(at::equal(logits(only_head), tied));
  tensors["lm_head.weight"] = tensors.at("lm_head.weight") * 2;
  EXPECT_TRUE(at::equal(logits(tensors), tied * 2));
}

class LlavaOptionsTest : public testing::Test {
 protected:
  const ComponentFiles files_ = llava_files(golden_folder("llava/gqa_llama3_full"));
  std::string error_of(const Config& config) {
    ComponentFiles files = files_;
    files.config = config;
    try {
      families().of(config).captioner(files, {});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  Config with_text(const std::string& key, const std::string& value) {
    return files_.config.with("text_config", files_.config.object("text_config").with(key, value).json());
  }
};

TEST_F(LlavaOptionsTest, RefusesWhatIsNotSupportedByName) {
  EXPECT_THAT(error_of(with_text("rope_scaling", R"({"rope_type": "yarn", "factor": 4})")),
              HasSubstr("'rope_scaling' is of type 'yarn'"));
  EXPECT_THAT(error_of(with_text("rope_scaling", R"({"type": "linear", "factor": 0})")),
              HasSubstr("'factor' must be greater than 0, got 0"));
  EXPECT_THAT(error_of(with_text("rope_parameters", R"({"rope_type": "llama3", "factor": 8})")),
              HasSubstr("'low_freq_factor' must be there"));
  EXPECT_THAT(error_of(with_text("partial_rotary_factor", "0.5")),
              HasSubstr("'partial_rotary_factor' must be 1"));
  EXPECT_THAT(error_of(with_text("model_type", R"("mistral")")), HasSubstr("'mistral'"));
  EXPECT_THAT(error_of(with_text("num_key_value_heads", "3")), HasSubstr("3"));
  EXPECT_THAT(error_of(with_text("num_hidden_layers", "100000000")), HasSubstr("an integer from 1 to 512"));
  EXPECT_THAT(error_of(with_text("hidden_act", R"("gelo")")), HasSubstr("'gelu'"));
  EXPECT_THAT(error_of(files_.config.with("vision_feature_layer", "5")), HasSubstr("-5 to 4"));
  EXPECT_THAT(error_of(files_.config.with("vision_feature_layer", "[]")), HasSubstr("list of 1 to 64"));
  EXPECT_THAT(error_of(files_.config.with("vision_feature_select_strategy", R"("half")")),
              HasSubstr("'half'"));
  EXPECT_THAT(error_of(files_.config.with("vision_config", R"({"model_type": "siglip_vision_model"})")),
              HasSubstr("siglip"));
}

TEST_F(LlavaOptionsTest, RefusesPicturesAndPromptsThatDoNotFit) {
  const auto captioner = load_llava("gqa_llama3_full");
  EXPECT_THROW(captioner->picture_features(at::zeros({1, 3, 14, 14})), std::invalid_argument);
  EXPECT_THROW(captioner->picture_features(at::zeros({1, 1, 12, 12})), std::invalid_argument);
  EXPECT_THROW(captioner->picture_ids({24, 12}), std::invalid_argument);
  EXPECT_EQ(captioner->picture_ids({12, 12}), std::vector<int64_t>(10, 80));
  const at::Tensor features = captioner->picture_features(at::zeros({1, 3, 12, 12}))[0];
  std::vector<int64_t> ids(10, 80);
  EXPECT_NO_THROW(captioner->embed(ids, {{features, {12, 12}}}));
  EXPECT_THROW(captioner->embed(ids, {}), std::invalid_argument);
  ids.push_back(80);
  EXPECT_THROW(captioner->embed(ids, {{features, {12, 12}}}), std::invalid_argument);
  EXPECT_THROW(captioner->embed({1, 82}, {}), std::runtime_error) << "beyond the vocabulary";
  EXPECT_THROW(captioner->embed({1, -200}, {}), std::runtime_error);
}

TEST(LlavaTest, KeepsNoLayerThatDoesNotRun) {
  const auto captioner = load_llava("gqa_llama3_full");  // feature layer -2 of 4 layers
  std::vector<std::string> paths;
  for (const attention::Site& site : captioner->sites()) paths.push_back(site.path);
  EXPECT_THAT(paths, testing::ElementsAre(
                         "vision_tower.encoder.layers.0.self_attn", "vision_tower.encoder.layers.1.self_attn",
                         "vision_tower.encoder.layers.2.self_attn", "language_model.layers.0.self_attn",
                         "language_model.layers.1.self_attn", "language_model.layers.2.self_attn"));
  EXPECT_EQ(captioner->sites()[3].kv_heads, 2);
}

}  // namespace reel::models::llava_test
