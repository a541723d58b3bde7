// SaveVideo: a numbered file under a prefix, as ComfyUI does it; WriteVideo: exactly the named file.
#include "models/files/output/confined_path.h"
#include "models/files/output/reservation.h"
#include "models/files/part_file.h"
#include "models/hashing/hash.h"
#include "pipeline/foresight/foresight.h"
#include "pipeline/media/video_writer.h"
#include "pipeline/run/file_stamp.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {
namespace fs = std::filesystem;
namespace {

Value write(const std::string& path, const Inputs& inputs, RunContext& context, media::WriteOptions options,
            bool recipe) {
  const media::Frames& video = inputs.get<media::Frames>("video");
  options.fps = video.fps;
  // So that a replay can tell whether it made the same frames.
  models::Hash hash;
  for (const int64_t size : video.pixels.sizes()) hash.field(static_cast<uint64_t>(size));
  const std::string digest = hash.bytes(video.pixels.data_ptr(), video.pixels.nbytes()).hex();
  if (recipe) {
    options.metadata["prompt"] = context.graph_json;
    options.metadata["reel"] = context.recipe_json;
    options.metadata["reel_node"] = context.report->id;
    options.metadata["reel_frames"] = digest;
  }
  options.before_naming = [&](const std::vector<models::NamedPart>& parts) {
    if (context.options.before_naming) context.options.before_naming(path, stamp_of_parts(path, parts));
  };
  media::write_video(path, video, options, [&](int64_t done, int64_t all) { context.step(done, all); });
  context.report->facts["path"] = path;
  context.report->shown.push_back({.kind = "video", .file = path, .animated = true});
  context.report->facts["frames_sha256"] = digest;
  return path;
}

/// The first free `<prefix>_<00001>_.<extension>`, kept until the file has it.
models::Reservation numbered(const std::string& prefix, const std::string& extension) {
  const auto name = [&](int i) {
    char number[16];
    std::snprintf(number, sizeof number, "%05d", i);
    return prefix + "_" + number + "_." + extension;
  };
  const std::string start = fs::path(prefix).filename().string() + "_";
  const auto belongs = [&](const std::string& file) {
    return file.starts_with(start) &&
           file.find_first_not_of("0123456789", start.size()) == start.size() + 5 &&
           file.compare(start.size() + 5, 2, "_.") == 0;
  };
  return {name, 99999, belongs};
}

std::string format_of(const Inputs& inputs) {
  return inputs.text("format") == "auto" ? "mp4" : inputs.text("format");
}

/// Where SaveVideo numbers its files: below the output folder, whatever the graph says.
std::string prefix_of(const Inputs& inputs, const RunContext& context) {
  return models::confined_path(context.options.output_folder, inputs.text("filename_prefix"),
                               "use WriteVideo for other places");
}

media::WriteOptions numbered_options(const Inputs& inputs) {
  media::WriteOptions options;
  if (inputs.text("codec") != "auto") options.codec = inputs.text("codec");
  return options;
}

media::WriteOptions exact_options(const Inputs& inputs, const RunContext& context) {
  return {.crf = static_cast<int>(inputs.integer("crf")),
          .codec = inputs.text("codec"),
          .overwrite = inputs.flag("overwrite") || context.access.may_replace(inputs.text("path"))};
}

NodeSpec declaration(const std::string& name, const std::string& summary, const std::string& source) {
  NodeSpec node;
  node.spec = {name, summary, source};
  node.category = "video";
  node.sink = true;
  node.inputs = {{.name = "video", .type = "VIDEO"}};
  node.outputs = {{.name = "path", .type = "STRING", .file = true}};
  return node;
}

}  // namespace

void register_save_video(NodeRegistry& registry) {
  NodeSpec save =
      declaration("SaveVideo", "Writes a video under the next free number.", "ComfyUI's SaveVideo");
  save.inputs.push_back({.name = "filename_prefix",
                         .type = "STRING",
                         .help = "a / makes a subfolder of output/",
                         .default_value = "video/reel"});
  save.inputs.push_back({.name = "format",
                         .type = "COMBO",
                         .default_value = "auto",
                         .choices = {"auto", "mp4", "webm", "gif", "y4m"}});
  save.inputs.push_back({.name = "codec",
                         .type = "COMBO",
                         .default_value = "auto",
                         .choices = {"auto", "h264", "h265", "vp9", "av1"}});
  save.targets = [](const Inputs& inputs, const RunContext& context) -> std::vector<TargetNames> {
    if (!inputs.has("filename_prefix") || !inputs.has("format")) return {};
    return {TargetNames::numbered(prefix_of(inputs, context) + "_", 5, "_." + format_of(inputs))};
  };
  save.foresee = [](const Inputs& inputs, Foresight& foresight) -> std::vector<Value> {
    const std::string prefix = prefix_of(inputs, foresight.context());
    // The folder need not be there: the node makes it. The rest of the plan can be checked.
    if (std::error_code ignored; fs::exists(fs::path(prefix).parent_path(), ignored)) {
      media::WriteOptions options = numbered_options(inputs);
      options.overwrite = true;
      media::check_output(prefix + "_00001_." + format_of(inputs), options);
    }
    return {};
  };
  save.run = [](const Inputs& inputs, RunContext& context) -> std::vector<Value> {
    const std::string format = format_of(inputs);
    const fs::path prefix = prefix_of(inputs, context);
    models::make_folder(prefix.parent_path().string());
    const media::WriteOptions options = numbered_options(inputs);
    // Another program may take the number while the video is written; the next one is as good.
    for (;;) {
      try {
        const models::Reservation reserved = numbered(prefix.string(), format);
        return {write(reserved.path(), inputs, context, options, true)};
      } catch (const models::NameTaken&) {
      }
    }
  };
  registry.add(std::move(save));

  NodeSpec exact =
      declaration("WriteVideo", "Writes a video to exactly this file; its name tells the format.", "reel");
  exact.inputs.push_back({.name = "path",
                          .type = "STRING",
                          .help = "file.(mp4|webm|gif|y4m) or a png pattern such as frame_%05d.png",
                          .writes = true});
  exact.inputs.push_back(
      {.name = "codec", .type = "STRING", .help = "empty: the format's usual one", .default_value = ""});
  exact.inputs.push_back({.name = "crf",
                          .type = "INT",
                          .help = "constant quality, smaller is better; -1: the codec's default",
                          .default_value = int64_t{-1},
                          .range = Range{-1, 63}});
  exact.inputs.push_back({.name = "overwrite",
                          .type = "BOOLEAN",
                          .help = "replace an existing file",
                          .default_value = false,
                          .permission = true});
  exact.inputs.push_back({.name = "recipe",
                          .type = "BOOLEAN",
                          .help = "store how the video was made in it",
                          .default_value = true});
  exact.targets = [](const Inputs& inputs, const RunContext&) -> std::vector<TargetNames> {
    if (!inputs.has("path")) return {};
    return {TargetNames::of_output(inputs.text("path"))};
  };
  exact.foresee = [](const Inputs& inputs, Foresight& foresight) -> std::vector<Value> {
    if (!inputs.has("path")) return {};
    media::WriteOptions options = exact_options(inputs, foresight.context());
    if (inputs.has("video")) {
      const media::Frames& video = inputs.get<media::Frames>("video");
      options.fps = video.fps, options.frames = video.pixels.size(0);
    }
    media::check_output(inputs.text("path"), options);
    return {inputs.text("path")};
  };
  exact.run = [](const Inputs& inputs, RunContext& context) -> std::vector<Value> {
    return {
        write(inputs.text("path"), inputs, context, exact_options(inputs, context), inputs.flag("recipe"))};
  };
  registry.add(std::move(exact));
}

}  // namespace reel::pipeline
