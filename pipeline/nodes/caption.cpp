// Caption: what a captioner says of pictures.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "attention/plugin/misfit.h"
#include "pipeline/captioning/write_captions.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

/// A picture of an IMAGE as a picture file would hold it.
at::Tensor bytes_of(const at::Tensor& pixels) {
  return pixels.to(at::kCPU, at::kFloat).clamp(0, 1).mul(255).round().to(at::kByte).contiguous();
}

std::vector<Value> run(const Inputs& inputs, RunContext& context) {
  const CaptionerHandle& captioner = inputs.get<CaptionerHandle>("captioner");
  const at::Tensor& pixels = inputs.get<Images>("images").pixels;
  for (const attention::EditRule& edit : captioner.edits) attention::refuse_unserved(edit, {}, "a captioner");
  const CaptionModel model(captioner, *context.models);
  for (const std::string& note : model.notes()) context.warn(note);
  guidance::DecodeSettings settings = model.settings();
  settings.temperature = inputs.number("temperature");
  if (inputs.integer("max_new_tokens") > 0) settings.max_new_tokens = inputs.integer("max_new_tokens");
  const std::string prompt =
      inputs.text("prompt").empty() ? model.folder().caption_input.request : inputs.text("prompt");

  std::vector<std::string> texts(size_t(pixels.size(0)));
  int64_t asked = 0, done = 0;
  CaptionCallbacks callbacks;
  callbacks.next = [&]() -> std::optional<CaptionRequest> {
    if (asked == pixels.size(0)) return std::nullopt;
    const auto seed = static_cast<uint64_t>(inputs.integer("seed")) + uint64_t(asked);
    return CaptionRequest{.read = [picture = pixels[asked++]] { return std::vector{bytes_of(picture)}; },
                          .prompt = prompt,
                          .seed = seed,
                          .forced = {}};
  };
  callbacks.on_done = [&](size_t picture, Caption caption) {
    texts[picture] = std::move(caption.text);
    context.step(++done, pixels.size(0));
  };
  callbacks.on_fault = [](size_t, const CaptionFault& fault) { throw std::invalid_argument(fault.message); };
  callbacks.between_steps = [&] { context.throw_if_stopped(); };
  attention::Processor attend(captioner.edits);
  write_captions(model, settings, {}, attend, callbacks);

  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "\n") + text;
  context.report->edits = attend.report();
  context.report->shown.push_back({.kind = "text", .file = "", .animated = false, .text = all});
  return {all};
}

}  // namespace

void register_caption(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"Caption", "Describes pictures, one line of text for each.", "reel"};
  node.category = "text";
  node.inputs = {
      {.name = "captioner", .type = "CAPTIONER"},
      {.name = "images", .type = "IMAGE"},
      {.name = "prompt",
       .type = "STRING",
       .help = "the question about each picture; empty: the model's own request for a description",
       .default_value = "",
       .multiline = true},
      {.name = "max_new_tokens",
       .type = "INT",
       .help = "of each text; 0: as the model's folder says",
       .default_value = int64_t{0},
       .range = Range{0, 65536}},
      {.name = "temperature",
       .type = "FLOAT",
       .help = "0: always the most likely word",
       .default_value = 0.0,
       .range = Range{0, 100}},
      {.name = "seed", .type = "INT", .help = "of chance", .default_value = int64_t{0}, .seed = true}};
  node.outputs = {{.name = "STRING", .type = "STRING"}};
  node.run = run;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
