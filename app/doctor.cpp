// `reel doctor`: whether the default job can run here, and what it would run on.
#include <sys/statvfs.h>
#include <unistd.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/print_json.h"
#include "app/verbs.h"
#include "models/default_dtype.h"
#include "models/model_folder.h"
#include "models/text/tokenizers/stages/token_pattern.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

using nlohmann::json;

int doctor(const CommonOptions& options) {
  json checks = json::array();
  bool all_good = true;
  const auto note = [&](const std::string& name, bool good, const std::string& fact,
                        const std::string& hint = "") {
    checks.push_back({{"name", name}, {"ok", good}, {"fact", fact}, {"hint", good ? "" : hint}});
    all_good &= good;
  };
  note("version", true, std::string("reel ") + REEL_VERSION);
  note("threads", true,
       std::to_string(std::thread::hardware_concurrency()) + " processors, ATen uses " +
           std::to_string(at::get_num_threads()));
  note("processor", true,
       std::string("capability ") + at::get_cpu_capability() +
           (models::processor_has_bf16() ? ", bf16 units" : ""));
  const int64_t pages = sysconf(_SC_PHYS_PAGES), available = sysconf(_SC_AVPHYS_PAGES),
                page = sysconf(_SC_PAGESIZE);
  note("memory", available * page > int64_t{512} << 20,
       std::to_string(available * page >> 20) + " MiB free of " + std::to_string(pages * page >> 20),
       "the default job needs about 512 MiB");
  note("cuda", true,
       at::hasCUDA() ? std::to_string(at::detail::getCUDAHooks().deviceCount()) + " device(s)"
                     : "none; runs on the CPU");
  try {
    const std::string folder =
        models::find_model("emoji-animatediff", models::model_search_path(options.models_dirs));
    models::ModelFolder::open(folder);
    note("default model", true, folder);
  } catch (const std::exception& error) {
    note("default model", false, error.what(), "name another with --model");
  }
  std::string formats;
  for (const auto& [extension, codec] : media::output_formats())
    formats += (formats.empty() ? "" : ", ") + extension + " (" + codec + ")";
  note("formats", media::output_formats().count(".mp4") || media::output_formats().count("mp4"), formats,
       "build with FFmpeg that has libx264");
  note("tokenizers", true, "SentencePiece, PCRE2 " + models::pattern_library_version());
  struct statvfs disk {};
  const bool disk_known = statvfs(".", &disk) == 0;
  const uint64_t free_bytes = disk_known ? uint64_t{disk.f_bavail} * disk.f_frsize : 0;
  note("disk here", free_bytes > (uint64_t{64} << 20) && access(".", W_OK) == 0,
       std::to_string(free_bytes >> 20) + " MiB free",
       "free some space, or work in a folder that can be written");
  if (options.json) {
    print_json(json{{"ok", all_good}, {"checks", checks}}.dump());
  } else {
    for (const auto& check : checks) {
      if (options.quiet && check["ok"].get<bool>()) continue;
      std::cout << (check["ok"].get<bool>() ? "ok    " : "FAIL  ") << check["name"].get<std::string>() << ": "
                << check["fact"].get<std::string>();
      if (!check["ok"].get<bool>()) std::cout << "; " << check["hint"].get<std::string>();
      std::cout << "\n";
    }
  }
  return all_good ? kDone : kEnvironment;
}

}  // namespace

void add_doctor_verb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("doctor", "Devices, codecs, threads, memory; exit 0 when the default job can run");
  auto options = std::make_shared<CommonOptions>();
  add_output_options(*verb, *options, {.verbose = false});
  verb->get_option("--quiet")->description("print only what is amiss");
  add_models_dir(*verb, *options);
  verb->callback([options, &action] { action = [options] { return doctor(*options); }; });
}

}  // namespace reel::app
