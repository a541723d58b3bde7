#include "app/eval/captions/asked_model.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "app/caption/chosen_captioner.h"
#include "app/session/notes.h"
#include "app/session/plugins.h"
#include "app/session/session.h"
#include "models/default_dtype.h"
#include "pipeline/captioning/write_captions.h"
#include "pipeline/captioning/yes_or_no.h"

namespace reel::app {

AskedModel::AskedModel(const CaptionEvalOptions& options, std::optional<int64_t> max_new_tokens)
    : options_(options),
      max_new_tokens_(options.max_new_tokens ? options.max_new_tokens : max_new_tokens),
      variants_(variants_of(options)),
      placement_(place(options.common)),
      models_(plugins().families, placement_.device, placement_.dtype) {
  const ChosenCaptioner chosen = choose_captioner(options.common);
  folder_ = chosen.folder, name_ = chosen.name;
  std::set<std::string> warned;
  for (const std::vector<std::string>& edits : variants_)
    plans_.push_back(captioner_edits(options.common, edits, folder_, models_, warned));
}

std::string AskedModel::describe() const {
  const at::ScalarType dtype =
      placement_.dtype ? *placement_.dtype : models::default_dtype(folder_->captioner, placement_.device);
  return nlohmann::json{{"name", name_},
                        {"path", folder_->path},
                        {"device", c10::DeviceTypeName(placement_.device.type(), true)},
                        {"dtype", dtype_name(dtype)}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void AskedModel::load() {
  if (model_) return;
  model_.emplace(pipeline::CaptionerHandle{.folder = folder_}, models_);
  for (const std::string& sentence : model_->notes()) note(options_.common, sentence);
  settings_ = model_->settings();
  settings_.temperature = 0;  // the most likely words: numbers that repeat
  if (max_new_tokens_) settings_.max_new_tokens = *max_new_tokens_;
  settings_.check();
}

std::vector<Reply> AskedModel::replies(size_t variant, size_t count, const std::function<Asked(size_t)>& ask,
                                       bool margins, const std::function<void(size_t)>& on_reply) {
  load();
  std::vector<Reply> replies(count);
  std::optional<pipeline::YesOrNo> yes_or_no;
  size_t next = 0, done = 0;
  pipeline::CaptionCallbacks callbacks;
  callbacks.next = [&]() -> std::optional<pipeline::CaptionRequest> {
    if (next == count) return std::nullopt;
    Asked asked = ask(next++);
    return pipeline::CaptionRequest{
        .read = [picture = std::move(asked.picture)] { return std::vector{picture()}; },
        .prompt = std::move(asked.prompt)};
  };
  callbacks.on_done = [&](size_t request, const pipeline::Caption& caption) {
    Reply& reply = replies.at(request);
    reply.text = caption.text, reply.margin = std::numeric_limits<double>::quiet_NaN();
    if (const at::Tensor& logits = caption.tensors.logits; margins && logits.defined()) {  // beams have none
      if (!yes_or_no) yes_or_no.emplace(model_->prompts(), logits.size(1));
      reply.margin = yes_or_no->margin(logits[0]);
    }
    on_reply(++done);
  };
  callbacks.on_fault = [](size_t, const pipeline::CaptionFault& fault) {
    throw std::runtime_error(fault.message);
  };
  callbacks.between_steps = [] {
    if (stop_request()) throw pipeline::Cancelled();
  };
  attention::Processor attend(plans_.at(variant));
  pipeline::write_captions(*model_, settings_, {.rows = options_.batch, .keep_tensors = margins}, attend,
                           callbacks);
  return replies;
}

}  // namespace reel::app
