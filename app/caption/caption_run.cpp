#include "app/caption/caption_run.h"

#include <ATen/Functions.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "app/caption/caption_inputs.h"
#include "app/caption/caption_lines.h"
#include "app/caption/caption_progress.h"
#include "app/caption/chosen_captioner.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/session.h"
#include "models/default_dtype.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "models/files/tensor_file.h"
#include "models/hashing/fingerprint.h"
#include "pipeline/batch/sidecars.h"
#include "pipeline/media/stills/read_picture.h"
#include "pipeline/run/file_stamp.h"

namespace reel::app {
namespace {

class CaptionRun {
 public:
  explicit CaptionRun(const CaptionOptions& options)
      : options_(options),
        placement_(place(options.common)),
        models_(plugins().families, placement_.device, placement_.dtype) {}

  int run() {
    check_outputs();
    std::vector<pipeline::BatchInput> inputs = caption_inputs(options_);
    open_folder();
    pipeline::BatchOptions batch = batch_options();
    pipeline::Batch::check(batch);
    if (options_.sidecar) pipeline::check_sidecars(inputs, options_.overwrite || options_.resume);
    for (const pipeline::BatchInput& input : inputs) prompt_of(options_, *handle_.folder, input.prompt);
    if (!options_.resume) load();  // what keeps it from loading leaves the output of an earlier run as it was
    batch_.emplace(std::move(inputs), std::move(batch), recognise_line,
                   [this](size_t, const pipeline::BatchInput& input, const pipeline::JournalEntry& entry) {
                     write_text(input, entry);
                   });
    tell_of_resume();
    if (batch_->finished() < batch_->inputs().size()) {
      load();
      write();
    }
    batch_->close();
    if (!options_.save_tensors.empty())
      models::write_safetensors(options_.save_tensors, tensors_, {}, options_.overwrite);
    tell_result();
    return batch_->failed() > 0 ? kSomeFailed : kDone;
  }

 private:
  void check_outputs() {
    if (options_.inputs.empty())
      throw std::invalid_argument(
          "[caption] needs pictures; for example: reel caption photos/ -o captions.jsonl");
    if (options_.save_tensors.empty()) return;
    if (options_.resume)
      throw std::invalid_argument(
          "[--save-tensors] holds what this run computes, and --resume leaves out what is done; give one of "
          "the two");
    models::check_target(options_.save_tensors, options_.overwrite);
  }

  void open_folder() {
    const ChosenCaptioner chosen = choose_captioner(options_.common);
    handle_.folder = chosen.folder;
    std::set<std::string> warned;
    handle_.edits = captioner_edits(options_.common, options_.edits, chosen.folder, models_, warned);
    seed_ = options_.common.seed.value_or(0);
    if (options_.temperature == 0 && options_.common.seed)
      warn(options_.common, "[--seed] changes nothing at temperature 0, where nothing is left to chance");
    if (options_.temperature > 0 && !options_.common.seed) {
      seed_ = std::random_device{}();
      note_seed(options_.common, seed_);
    }
    facts_ = {.model = chosen.name,
              .edits = options_.edits,
              .token_ids = options_.token_ids,
              .yesno = options_.task == "yesno"};
    const std::string& mark = handle_.folder->caption_input.picture_mark;
    if (options_.prompt.find(mark) != std::string::npos)
      throw std::invalid_argument(
          "[--prompt] must not hold '" + mark +
          "', which stands for a picture; pictures are put in front of the words, leave it out");
    if (!options_.force_tokens.empty()) {
      const at::Tensor ids = models::read_tensor(options_.force_tokens, "ids").to(at::kLong).contiguous();
      if (ids.dim() != 1 || ids.numel() == 0)
        throw std::invalid_argument("[--force-tokens] 'ids' must have the shape [T], got " +
                                    c10::str(ids.sizes()) + "; write one list of ids");
      forced_.assign(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel());
    }
  }

  pipeline::BatchOptions batch_options() const {
    const auto optional = [](const auto& value) { return value ? pipeline_text(*value) : std::string(); };
    const at::ScalarType dtype = placement_.dtype
                                     ? *placement_.dtype
                                     : models::default_dtype(handle_.folder->captioner, placement_.device);
    std::string edits, forced;
    for (const std::string& edit : options_.edits) edits += (edits.empty() ? "" : " ") + edit;
    if (!options_.force_tokens.empty()) forced = models::file_fingerprint(options_.force_tokens);
    pipeline::BatchOptions batch{
        .output = options_.output,
        .journal = options_.journal,
        .resume = options_.resume,
        .retry_failed = options_.retry_failed,
        .overwrite = options_.overwrite,
        .settings = {{"--model", facts_.model + " " + models::model_fingerprint(*handle_.folder)},
                     {"--prompt", prompt_of_all()},
                     {"--task", options_.task},
                     {"--edit", edits},
                     {"--max-new-tokens", optional(options_.max_new_tokens)},
                     {"--num-beams", optional(options_.num_beams)},
                     {"--temperature", to_text(options_.temperature)},
                     {"--top-p", optional(options_.top_p)},
                     {"--token-ids", options_.token_ids ? "true" : ""},
                     {"--force-tokens", forced},
                     {"--device", c10::DeviceTypeName(placement_.device.type(), true)},
                     {"--dtype", dtype_name(dtype)}}};
    if (options_.temperature > 0) batch.settings["--seed"] = std::to_string(seed_);
    return batch;
  }

  template <class T>
  static std::string pipeline_text(const T& value) {
    return to_text(ParamValue(value));
  }

  /// The prompt of inputs without one of their own.
  std::string prompt_of_all() const {
    return options_.prompt.empty() ? handle_.folder->caption_input.request : options_.prompt;
  }

  void load() {
    if (model_) return;
    model_.emplace(handle_, models_);
    for (const std::string& sentence : model_->notes()) note(options_.common, sentence);
    settings_ = settings_of(options_, model_->settings());
    if (model_->settings().temperature > 0 && options_.temperature == 0)
      note(options_.common,
           "the model's generation_config.json asks for chance (temperature " +
               to_text(model_->settings().temperature) +
               "); the most likely words are written instead, unless --temperature is given");
  }

  void tell_of_resume() {
    if (!options_.resume) return;
    note(options_.common, std::to_string(batch_->finished_before()) + " of " +
                              std::to_string(batch_->inputs().size()) + " inputs were done before");
    if (batch_->added() > 0)
      note(options_.common, std::to_string(batch_->added()) + " new inputs follow the others");
  }

  void tell_result() const {
    const size_t all = batch_->inputs().size(), failed = batch_->failed();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (failed > 0)
      note(options_.common, std::to_string(failed) + " of " + std::to_string(all) +
                                " inputs have no caption; their lines say why");
    if (options_.common.verbose)
      std::cerr << all - batch_->finished_before() << " inputs in " << to_text(seconds)
                << " s, of which loading took " << to_text(models_.load_seconds()) << " s" << std::endl;
    if (options_.output == "-") return;
    if (!options_.common.json) {
      std::cout << options_.output << std::endl;
      return;
    }
    print_json(nlohmann::json{{"path", options_.output},
                              {"inputs", all},
                              {"failed", failed},
                              {"finished_before", batch_->finished_before()},
                              {"seconds", seconds},
                              {"load_s", models_.load_seconds()}}
                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  void write() {
    CaptionProgress progress(options_.common, batch_->finished_before(), batch_->inputs().size());
    pipeline::CaptionCallbacks callbacks;
    callbacks.next = [&]() -> std::optional<pipeline::CaptionRequest> {
      const auto index = batch_->take();
      if (!index) return std::nullopt;
      const pipeline::BatchInput& input = batch_->inputs()[*index];
      taken_.push_back({*index, pipeline::file_stamp(input.path)});
      return pipeline::CaptionRequest{
          .read = [path = input.path] { return std::vector{media::read_picture(path)}; },
          .prompt = prompt_of(options_, *handle_.folder, input.prompt),
          .seed = seed_ + *index,
          .forced = forced_};
    };
    callbacks.on_done = [&](size_t request, const pipeline::Caption& caption) {
      const auto& [index, stamp] = taken_.at(request);
      keep_tensors(index, caption);
      batch_->finish(index, {stamp, false, caption_line(batch_->inputs()[index], index, caption, facts_)});
      progress.show(batch_->finished(), batch_->failed());
    };
    callbacks.on_fault = [&](size_t request, const pipeline::CaptionFault& fault) {
      const auto& [index, stamp] = taken_.at(request);
      batch_->finish(index, {stamp, true, fault_line(batch_->inputs()[index], index, fault)});
      progress.show(batch_->finished(), batch_->failed());
    };
    callbacks.between_steps = [] {
      if (stop_request()) throw pipeline::Cancelled();
    };
    attention::Processor attend(handle_.edits);
    pipeline::write_captions(*model_, settings_,
                             {.rows = options_.batch, .keep_tensors = !options_.save_tensors.empty()}, attend,
                             callbacks);
  }

  /// The journal has the line by now; the output has it after this.
  void write_text(const pipeline::BatchInput& input, const pipeline::JournalEntry& entry) {
    if (!options_.sidecar || entry.failed) return;
    if (!pipeline::write_sidecar(input, text_of_line(entry.line), options_.overwrite))
      warn(options_.common,
           "[--sidecar] another text is there and stays: '" + pipeline::sidecar_of(input) + "'");
  }

  void keep_tensors(size_t index, const pipeline::Caption& caption) {
    if (options_.save_tensors.empty()) return;
    const std::string prefix = batch_->inputs().size() == 1 ? "" : std::to_string(index) + "/";
    const auto& [pixels, features, ids, logits] = caption.tensors;
    tensors_[prefix + "pixel_values"] = pixels;
    tensors_[prefix + "image_features"] = features;
    tensors_[prefix + "input_ids"] = ids;
    tensors_[prefix + "output_ids"] = at::tensor(caption.ids, at::kLong);
    if (logits.defined()) tensors_[prefix + "logits"] = logits;  // beams have none
  }

  struct Taken {
    size_t index;       // in the batch
    std::string stamp;  // of the file before it was read
  };

  const CaptionOptions& options_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Placement placement_;
  pipeline::ModelCache models_;
  pipeline::CaptionerHandle handle_;
  CaptionFacts facts_;
  uint64_t seed_ = 0;
  std::vector<int64_t> forced_;
  std::optional<pipeline::CaptionModel> model_;
  guidance::DecodeSettings settings_;
  std::optional<pipeline::Batch> batch_;
  std::vector<Taken> taken_;  // by request
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace

int run_captions(const CaptionOptions& options) { return CaptionRun(options).run(); }

}  // namespace reel::app
