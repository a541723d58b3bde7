#include "pipeline/jobs/generate_graph.h"

#include <filesystem>

#include "pipeline/graph/graph_json.h"

namespace reel::pipeline {
namespace {

Link output_of(const std::string& node, int slot = 0) { return {node, slot}; }

Input constant(const ParamValue& value) {
  return std::visit([](const auto& v) -> Input { return v; }, value);
}

/// Binds a job to the template, part by part.
class JobGraph {
 public:
  explicit JobGraph(const GenerateJob& job)
      : job_(job),
        options_(job.options),
        graph_(read_graph(models::assets_folder() + "/graphs/generate.json")) {}

  Graph build() {
    bind_model();
    add_loras();
    const Link negative_clip = clip_;  // as in diffusers' AnimateDiffPipeline, only the prompt skips layers
    add_clip_skip();
    add_rescale();
    const Link unedited = model_;
    add_edits();
    bind_prompts(negative_clip);
    bind_sampling();
    bind_output("write", options_.output);
    if (options_.compare) add_comparison(unedited);
    return std::move(graph_);
  }

 private:
  void set(const std::string& node, const std::string& input, Input value) {
    graph_.find(node)->inputs[input] = std::move(value);
  }
  void add(Node node) { graph_.nodes.push_back(std::move(node)); }

  void bind_model() {
    namespace fs = std::filesystem;
    const std::string& name = job_.choice.name;
    set("model", "model_path", fs::exists(name) ? fs::absolute(name).lexically_normal().string() : name);
    set("model", "motion_adapter", job_.choice.motion_adapter);
  }

  void add_loras() {
    for (size_t i = 0; i < job_.loras.size(); ++i) {
      const LoraChoice& lora = job_.loras[i];
      const std::string id = "lora" + std::to_string(i + 1);
      add({id,
           "LoraLoader",
           {{"model", model_},
            {"clip", clip_},
            {"lora_name", lora.path},
            {"strength_model", lora.weight},
            {"strength_clip", lora.weight}},
           ""});
      model_ = output_of(id, 0), clip_ = output_of(id, 1);
    }
  }

  void add_clip_skip() {
    if (options_.clip_skip <= 0) return;
    add({"clip_skip",
         "CLIPSetLastLayer",
         {{"clip", clip_}, {"stop_at_clip_layer", int64_t{-1 - options_.clip_skip}}},
         ""});
    clip_ = output_of("clip_skip");
  }

  void add_rescale() {
    if (*options_.guidance_rescale <= 0) return;
    add({"rescale", "RescaleCFG", {{"model", model_}, {"multiplier", *options_.guidance_rescale}}, ""});
    model_ = output_of("rescale");
  }

  void add_edits() {
    for (size_t i = 0; i < job_.edits.size(); ++i) {
      const attention::ParsedEdit& edit = job_.edits[i];
      const std::string id = "edit" + std::to_string(i + 1);
      Node node{id, edit.entry->node_name, {{"model", model_}, {"selector", edit.selector}}, ""};
      for (const auto& [name, value] : edit.options) node.inputs[name] = constant(value);
      add(std::move(node));
      model_ = output_of(id);
    }
  }

  void bind_prompts(const Link& negative_clip) {
    set("positive", "clip", clip_), set("negative", "clip", negative_clip);
    set("positive", "text", options_.prompt), set("negative", "text", options_.negative);
    if (!options_.prompt_keys.empty()) spread_prompts("PromptSchedule", "keys", prompt_keys());
    if (!job_.stages.empty()) spread_prompts("SynopsisPrompt", "synopsis", job_.synopsis);
  }

  /// Replaces the one prompt by several, which `text` spreads over the frames.
  void spread_prompts(const std::string& spec, const std::string& input, const std::string& text) {
    *graph_.find("positive") = {
        "positive",
        spec,
        {{"clip", clip_}, {input, text}, {"length", *options_.frames}, {"blend", options_.prompt_blend}},
        ""};
  }

  /// One key a line; a plain prompt holds from frame 0, unless a key does.
  std::string prompt_keys() const {
    const bool whole = options_.prompt.empty() || options_.prompt_keys.front().starts_with("0:");
    std::string keys = whole ? "" : "0:" + options_.prompt + "\n";
    for (const std::string& key : options_.prompt_keys) keys += key + "\n";
    return keys;
  }

  void bind_sampling() {
    set("latent", "width", job_.width), set("latent", "height", job_.height);
    set("latent", "length", *options_.frames);
    set("sampler", "model", model_);
    set("sampler", "seed", *options_.seed), set("sampler", "steps", *options_.steps);
    set("sampler", "cfg", *options_.guidance);
    const size_t colon = options_.scheduler.find(':');
    set("sampler", "sampler_name", options_.scheduler.substr(0, colon));
    if (colon != std::string::npos) set("sampler", "sampler_options", options_.scheduler.substr(colon + 1));
    if (!options_.initial_latents.empty()) set("sampler", "initial_noise", options_.initial_latents);
    if (!options_.step_noise.empty()) set("sampler", "step_noise", options_.step_noise);
    set("video", "fps", *options_.fps);
  }

  void bind_output(const std::string& node, const std::string& path) {
    set(node, "path", path), set(node, "codec", options_.codec), set(node, "crf", options_.crf);
    set(node, "overwrite", options_.overwrite), set(node, "recipe", !options_.no_recipe);
  }

  /// The same seed without the edits, and both next to each other.
  void add_comparison(const Link& unedited) {
    Node sampler = *graph_.find("sampler"), decode = *graph_.find("decode"), video = *graph_.find("video"),
         write = *graph_.find("write");
    sampler.id = "sampler_unedited", sampler.inputs["model"] = unedited;
    decode.id = "decode_unedited", decode.inputs["samples"] = output_of("sampler_unedited");
    video.id = "video_unedited", video.inputs["images"] = output_of("decode_unedited");
    write.id = "write_unedited", write.inputs["video"] = output_of("video_unedited");
    Node both_video = video, both_write = write;
    both_video.id = "video_both", both_video.inputs["images"] = output_of("side_by_side");
    both_write.id = "write_both", both_write.inputs["video"] = output_of("video_both");
    add(std::move(sampler)), add(std::move(decode)), add(std::move(video)), add(std::move(write));
    add({"side_by_side",
         "ImagesSideBySide",
         {{"left", output_of("decode_unedited")}, {"right", output_of("decode")}},
         ""});
    add(std::move(both_video)), add(std::move(both_write));
    bind_output("write_unedited", job_.output_unedited), bind_output("write_both", job_.output_side_by_side);
  }

  const GenerateJob& job_;
  const GenerateOptions& options_;
  Graph graph_;
  Link model_ = output_of("model", 0), clip_ = output_of("model", 1);  // with all changes so far
};

}  // namespace

Graph build_graph(const GenerateJob& job) { return JobGraph(job).build(); }

}  // namespace reel::pipeline
