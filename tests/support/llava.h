// The tiny LLaVAs under tests/golden/llava, their prompts, and greedy decoding without a token loop.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "tests/support/models.h"

namespace reel::models {

inline ComponentFiles llava_files(const std::string& folder) {
  ComponentFiles files;
  files.folder = folder;
  files.config = Config::read(folder + "/config.json");
  if (std::filesystem::is_directory(folder + "/clip-tiny")) files.tower = folder + "/clip-tiny";
  return files;
}

inline std::unique_ptr<Captioner> load_llava(const std::string& name, const LoadOptions& options = {}) {
  const ComponentFiles files = llava_files(golden_folder("llava/" + name));
  return families().of(files.config).captioner(files, options);
}

/// The picture token in the prompts of a golden file, if the folder's own is another; -1: it is the same. The goldens
/// are transformers' models, whose vocabulary has the token.
inline int64_t token_in_golden(const std::string& name) { return name == "original" ? 79 : -1; }

/// The prompts of a golden file, embedded, each with a sequence of its own.
class LlavaPrompts {
 public:
  LlavaPrompts(const Captioner& captioner, const Golden& golden, int64_t token = -1) {
    for (; golden.has("prompt" + std::to_string(size()) + "/ids");) {
      const std::string place = "prompt" + std::to_string(size()) + "/";
      const at::Tensor ids = golden[place + "ids"];
      std::vector<int64_t> listed(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel());
      std::vector<PictureTokens> pictures;
      if (golden.has(place + "pixels")) {
        const at::Tensor pixels = golden[place + "pixels"];
        const at::Tensor features = captioner.picture_features(pixels);
        for (int64_t p = 0; p < pixels.size(0); ++p)
          pictures.push_back({features[p], {pixels.size(2), pixels.size(3)}});
      }
      golden_ids_.push_back(listed);
      if (token >= 0) std::replace(listed.begin(), listed.end(), token, captioner.image_token());
      ids_.push_back(listed);
      prompts_.push_back(captioner.embed(listed, pictures));
      sequences_.push_back(
          std::make_unique<Sequence>(Sequence{.id = 100 + prompts_.size(),
                                              .images = prompts_.back().images,
                                              .prompt_tokens = static_cast<int64_t>(listed.size())}));
    }
  }
  size_t size() const { return prompts_.size(); }
  const EmbeddedPrompt& operator[](size_t i) const { return prompts_[i]; }
  const std::vector<int64_t>& ids(size_t i) const { return ids_[i]; }
  const std::vector<int64_t>& golden_ids(size_t i) const { return golden_ids_[i]; }
  Row row(size_t i) const { return {.sequence = sequences_[i].get()}; }

 private:
  std::vector<std::vector<int64_t>> ids_, golden_ids_;
  std::vector<EmbeddedPrompt> prompts_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
};

/// Ids of greedy steps and the logits that each was chosen by, [steps, vocabulary].
struct Greedy {
  std::vector<int64_t> ids;
  at::Tensor logits;
};

/// Decodes prompts together: each is read alone, and all continue as rows of one batch.
inline std::vector<Greedy> decode_greedily(const Captioner& captioner, const LlavaPrompts& prompts,
                                           const std::vector<size_t>& chosen, int64_t steps,
                                           const attention::EditPlan& plan = {}) {
  const LanguageModel& model = captioner.language_model();
  attention::Processor attend(plan);
  LayerCaches caches(model.layers());
  std::vector<Row> rows;
  std::vector<at::Tensor> hidden;
  for (const size_t i : chosen) {
    rows.push_back(prompts.row(i));
    const at::Tensor all = model.forward(
        prompts[i].embedded,
        {.rows = {&rows.back(), 1}, .positions = prompts[i].positions, .caches = &caches}, attend);
    hidden.push_back(all.narrow(1, all.size(1) - 1, 1));
  }
  std::vector<Greedy> results(chosen.size());
  std::vector<at::Tensor> logits;
  at::Tensor last = at::cat(hidden);
  for (int64_t step = 0; step < steps; ++step) {
    logits.push_back(model.logits(last).squeeze(1));
    const at::Tensor ids = logits.back().argmax(-1, /*keepdim=*/true);
    at::Tensor positions = at::empty({int64_t(rows.size()), 1, 1});
    for (size_t r = 0; r < rows.size(); ++r) {
      results[r].ids.push_back(ids[int64_t(r)].item<int64_t>());
      positions[int64_t(r)].fill_(
          double(caches.length(rows[r].sequence->id) + prompts[chosen[r]].position_shift));
    }
    last = model.forward(
        model.embed(ids),
        {.rows = rows, .positions = positions, .caches = &caches, .step = {.index = int(step) + 1}}, attend);
  }
  const at::Tensor all = at::stack(logits, 1);
  for (size_t r = 0; r < rows.size(); ++r) results[r].logits = all[int64_t(r)];
  return results;
}

/// The largest difference as a share of the spread of what is expected.
inline double share_of_spread(const at::Tensor& actual, const at::Tensor& expected) {
  return max_error(actual, expected) / (expected.max() - expected.min()).item<double>();
}

}  // namespace reel::models
