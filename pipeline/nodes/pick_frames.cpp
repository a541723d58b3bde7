// PickFrames: some frames of a video, by number or evenly spread, as a captioner looks at them.
#include <charconv>

#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace {

[[noreturn]] void refuse_frames(const std::string& fault) {
  throw std::invalid_argument("[PickFrames] " + fault);
}

/// "0, 7, -1": numbers from 0, or from the end if negative.
std::vector<int64_t> listed(const std::string& text, int64_t frames) {
  std::vector<int64_t> indices;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string_view word = std::string_view(text).substr(begin, end - begin);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    int64_t index = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), index);
    if (read.ec != std::errc() || read.ptr != word.data() + word.size()) {
      refuse_frames("'indices' must be whole numbers and commas, got '" + text + "'; write it as 0, 7, -1");
    }
    if (index < -frames || index >= frames) {
      refuse_frames(c10::str("'indices' must lie in ", -frames, " to ", frames - 1, " for ", frames,
                             " frames, got ", index, "; choose one of them"));
    }
    indices.push_back(index < 0 ? index + frames : index);
    begin = end + 1;
  }
  return indices;
}

/// The middles of `count` equal parts.
std::vector<int64_t> spread(int64_t count, int64_t frames) {
  if (count > frames) {
    refuse_frames(c10::str("'count' must be at most the ", frames, " frames of the video, got ", count,
                           "; ask for fewer, or make a longer video"));
  }
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back((2 * i + 1) * frames / (2 * count));
  return indices;
}

}  // namespace

void register_pick_frames(NodeRegistry& registry) {
  NodeSpec node;
  node.spec = {"PickFrames", "Takes some frames of a video.", "reel"};
  node.category = "image";
  node.inputs = {{.name = "images", .type = "IMAGE"},
                 {.name = "count",
                  .type = "INT",
                  .help = "so many, evenly spread; 1: the middle one",
                  .default_value = int64_t{1},
                  .range = Range{1, 10000}},
                 {.name = "indices",
                  .type = "STRING",
                  .help = "these instead, as 0, 7, -1: from 0, or from the end",
                  .default_value = ""}};
  node.outputs = {{.name = "IMAGE", .type = "IMAGE"}};
  node.run = [](const Inputs& inputs, RunContext&) -> std::vector<Value> {
    const at::Tensor& pixels = inputs.get<Images>("images").pixels;
    const int64_t count = inputs.integer("count");
    const bool by_number = !inputs.text("indices").empty();
    const std::vector<int64_t> indices =
        by_number ? listed(inputs.text("indices"), pixels.size(0)) : spread(count, pixels.size(0));
    if (by_number && count != 1 && count != static_cast<int64_t>(indices.size())) {
      refuse_frames(c10::str("'count' must be 1, or the number of 'indices', got ", count, " with ",
                             indices.size(), " of these; leave one of the two out"));
    }
    std::vector<at::Tensor> chosen;
    for (const int64_t index : indices) chosen.push_back(pixels.narrow(0, index, 1));
    return {Images{at::cat(chosen)}};
  };
  node.light = true;
  registry.add(std::move(node));
}

}  // namespace reel::pipeline
