#include "pipeline/captioning/write_captions.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>

#include "pipeline/captioning/feature_shelf.h"

namespace reel::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// A request on its way to the token loop.
struct Prepared {
  size_t number = 0;
  Clock::time_point taken;
  CaptionRequest request;
  std::vector<at::Tensor> pixels;  // [3, h, w] of each picture
  std::vector<models::PictureTokens> pictures;
  std::vector<int64_t> ids;
  std::optional<CaptionFault> fault;
};

/// A text that is being written.
struct Writing {
  size_t number;
  Clock::time_point taken;
  bool unfamiliar;
  bool given;  // as CaptionRequest::forced: no stop string ends it
  std::vector<int64_t> ids;
  Caption::Tensors tensors;
};

class Writer {
 public:
  Writer(const CaptionModel& model, const guidance::DecodeSettings& settings, const CaptionBatch& batch,
         attention::Processor& attend, const CaptionCallbacks& callbacks)
      : model_(model),
        settings_(settings),
        batch_(batch),
        attend_(attend),
        callbacks_(callbacks),
        shelf_(batch.kept_features) {}

  void run() {
    guidance::DecodeCallbacks loop;
    loop.next = [&] { return next(); };
    loop.on_token = [&](size_t text, int64_t token) { return goes_on(texts_.at(text), token); };
    loop.on_done = [&](size_t text, guidance::DecodedText decoded) { finish(text, std::move(decoded)); };
    guidance::decode(model_.network().language_model(), settings_,
                     {.rows = batch_.rows, .keep_logits = batch_.keep_tensors}, attend_, loop);
  }

 private:
  std::optional<guidance::DecodeRequest> next() {
    while (ready_.empty()) {
      if (!prepare_more()) return std::nullopt;
    }
    Prepared prepared = std::move(ready_.front());
    ready_.pop_front();
    const bool given = !prepared.request.forced.empty();
    guidance::DecodeRequest request{.prompt = model_.network().embed(prepared.ids, prepared.pictures),
                                    .ids = prepared.ids,
                                    .seed = prepared.request.seed,
                                    .forced = std::move(prepared.request.forced)};
    Writing text{.number = prepared.number,
                 .taken = prepared.taken,
                 .unfamiliar = is_unfamiliar(prepared),
                 .given = given,
                 .ids = {},
                 .tensors = {}};
    if (batch_.keep_tensors) text.tensors = tensors_of(prepared);
    texts_.emplace(started_++, std::move(text));
    return request;
  }

  /// Takes the requests of one batch and prepares them. Returns false if there are none.
  bool prepare_more() {
    std::vector<Prepared> taken;
    while (int64_t(taken.size()) < batch_.rows && more_) {
      if (callbacks_.between_steps) callbacks_.between_steps();
      std::optional<CaptionRequest> request = callbacks_.next();
      if (!(more_ = request.has_value())) break;
      taken.push_back({.number = numbered_++, .taken = Clock::now(), .request = std::move(*request)});
    }
    if (taken.empty()) return false;
    at::parallel_for(0, int64_t(taken.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) read(taken[size_t(i)]);
    });
    look(taken);
    for (Prepared& one : taken) {
      if (!one.fault) write_prompt(one);
      if (one.fault)
        callbacks_.on_fault(one.number, *one.fault);
      else
        ready_.push_back(std::move(one));
    }
    return true;
  }

  /// Reads and prepares the pictures of a request. Runs beside others.
  void read(Prepared& one) const {
    try {
      for (const at::Tensor& picture : one.request.read()) {
        one.pixels.push_back(model_.processor()(picture));
        // Refuses a size that the tower does not take, before others are looked at beside it.
        model_.network().picture_ids({one.pixels.back().size(1), one.pixels.back().size(2)});
      }
      one.request.read = nullptr;  // what it holds is not needed any more
    } catch (const std::runtime_error& error) {
      one.fault = CaptionFault{"picture", error.what()};
    } catch (const std::invalid_argument& error) {
      one.fault = CaptionFault{"picture", error.what()};
    }
  }

  /// The features of all pictures: those of one size in one pass, each picture once.
  void look(std::vector<Prepared>& taken) {
    struct Unseen {
      std::vector<std::string> names;
      std::vector<at::Tensor> pixels;
    };
    std::map<std::vector<int64_t>, Unseen> by_size;
    std::map<std::string, models::PictureTokens> seen;
    std::map<size_t, std::vector<std::string>> names;
    for (const Prepared& one : taken) {
      if (one.fault) continue;
      for (const at::Tensor& pixels : one.pixels) {
        const std::string name = FeatureShelf::name_of(pixels);
        names[one.number].push_back(name);
        if (seen.contains(name)) continue;
        const auto kept = shelf_.find(name);
        seen[name] = kept ? *kept : models::PictureTokens{};
        if (kept) continue;
        Unseen& unseen = by_size[pixels.sizes().vec()];
        unseen.names.push_back(name), unseen.pixels.push_back(pixels);
      }
    }
    for (auto& [size, unseen] : by_size) {
      for (size_t begin = 0; begin < unseen.names.size(); begin += size_t(batch_.rows)) {
        const size_t end = std::min(unseen.names.size(), begin + size_t(batch_.rows));
        const std::vector<at::Tensor> part(unseen.pixels.begin() + int64_t(begin),
                                           unseen.pixels.begin() + int64_t(end));
        const at::Tensor features =
            model_.network().picture_features(at::stack(part).to(model_.device()), &attend_);
        for (size_t i = begin; i < end; ++i) {
          // A copy, so that one kept picture does not keep its whole batch.
          models::PictureTokens picture{features[int64_t(i - begin)].clone(), {size[1], size[2]}};
          shelf_.keep(unseen.names[i], picture);
          seen[unseen.names[i]] = std::move(picture);
        }
      }
    }
    for (Prepared& one : taken) {
      for (const std::string& name : names[one.number]) one.pictures.push_back(seen.at(name));
      if (!batch_.keep_tensors) one.pixels.clear();
    }
  }

  /// The ids of a prompt, each picture as the ids that it takes.
  void write_prompt(Prepared& one) const {
    try {
      const models::Captioner& network = model_.network();
      size_t picture = 0;
      for (const int64_t id : model_.prompts().write(one.request.prompt, one.pictures.size())) {
        if (id != network.image_token()) {
          one.ids.push_back(id);
          continue;
        }
        const std::vector<int64_t> ids = network.picture_ids(one.pictures.at(picture++).size);
        one.ids.insert(one.ids.end(), ids.begin(), ids.end());
      }
      check_ids(one);
    } catch (const std::invalid_argument& error) {
      one.fault = CaptionFault{"prompt", error.what()};
    } catch (const std::runtime_error& error) {  // of a template that some words are too much for
      one.fault = CaptionFault{"prompt", error.what()};
    }
  }

  bool is_unfamiliar(const Prepared& one) const {
    const Familiarity* familiarity = model_.familiarity();
    return familiarity && std::ranges::any_of(one.pictures, [&](const models::PictureTokens& picture) {
             return !familiarity->knows(picture.features);
           });
  }

  /// Refuses a prompt that the language model cannot read or answer.
  void check_ids(const Prepared& one) const {
    const models::LanguageModel& model = model_.network().language_model();
    const auto tokens = int64_t(one.ids.size());
    for (const int64_t id : one.ids) {
      if (id < model.vocabulary() || id == model_.network().image_token()) continue;
      throw std::invalid_argument(
          "[prompt] has the token " + std::to_string(id) + " of the model's tokenizer, and the model knows " +
          std::to_string(model.vocabulary()) + "; leave out the special token in its words");
    }
    settings_.room(tokens, model.max_tokens());
    const auto given = int64_t(one.request.forced.size());
    if (tokens + given <= model.max_tokens()) return;
    throw std::invalid_argument("[prompt] has " + std::to_string(tokens) + " tokens and the given answer " +
                                std::to_string(given) + ", and the model takes " +
                                std::to_string(model.max_tokens()) + " together; shorten one of them");
  }

  static Caption::Tensors tensors_of(const Prepared& one) {
    Caption::Tensors tensors;
    tensors.input_ids = at::tensor(one.ids, at::kLong);
    if (one.pixels.empty()) return tensors;
    std::vector<at::Tensor> features;
    for (const models::PictureTokens& picture : one.pictures)
      features.push_back(picture.features.to(at::kCPU, at::kFloat));
    tensors.pixel_values = at::stack(one.pixels), tensors.image_features = at::cat(features);
    return tensors;
  }

  /// Notes a token. Returns false if it ended a stop string.
  bool goes_on(Writing& text, int64_t token) {
    if (callbacks_.between_steps) callbacks_.between_steps();
    if (text.given || settings_.stop_strings.empty()) return true;
    text.ids.push_back(token);
    return !model_.prompts().has_stopped(text.ids, settings_.stop_strings);
  }

  void finish(size_t number, guidance::DecodedText decoded) {
    const auto node = texts_.extract(number);
    Writing& text = node.mapped();
    const std::vector<std::string> none, &stops = text.given ? none : settings_.stop_strings;
    // Of beams, which nobody listens to, the text is cut when it is written.
    if (!stops.empty() && model_.prompts().has_stopped(decoded.ids, stops))
      decoded.reason = guidance::FinishReason::kText;
    Caption caption{.text = model_.prompts().read(decoded.ids, stops),
                    .ids = std::move(decoded.ids),
                    .reason = decoded.reason,
                    .seconds = std::chrono::duration<double>(Clock::now() - text.taken).count(),
                    .unfamiliar = text.unfamiliar,
                    .tensors = std::move(text.tensors)};
    if (batch_.keep_tensors) caption.tensors.logits = decoded.logits;
    callbacks_.on_done(text.number, std::move(caption));
  }

  const CaptionModel& model_;
  const guidance::DecodeSettings& settings_;
  const CaptionBatch& batch_;
  attention::Processor& attend_;
  const CaptionCallbacks& callbacks_;
  FeatureShelf shelf_;
  std::deque<Prepared> ready_;
  std::map<size_t, Writing>
      texts_;  // by the numbers of the token loop, which knows nothing of faulty requests
  size_t numbered_ = 0, started_ = 0;
  bool more_ = true;
};

}  // namespace

void write_captions(const CaptionModel& model, const guidance::DecodeSettings& settings,
                    const CaptionBatch& batch, attention::Processor& attend,
                    const CaptionCallbacks& callbacks) {
  const c10::InferenceMode inference;
  Writer(model, settings, batch, attend, callbacks).run();
}

}  // namespace reel::pipeline
