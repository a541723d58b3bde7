#include "app/session/notes.h"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "app/session/notes_json.h"
#include "models/files/utf8.h"

namespace reel::app {
namespace {

using nlohmann::json;

void say(const CommonOptions& options, const std::string& sentence, json event, const ListPlace& place) {
  if (voice_of(options).events) return print_event(std::move(event), place);
  std::cerr << "reel: " << place.prefix() << sentence << std::endl;
}

std::string duration_text(double seconds) {
  if (seconds < 90) return std::to_string(std::llround(seconds)) + " s";
  if (seconds < 5400) return std::to_string(std::llround(seconds / 60)) + " min";
  return std::to_string(std::llround(seconds / 3600)) + " h";
}

}  // namespace

Voice voice_of(const CommonOptions& options) { return {options.json, options.progress == "json"}; }

std::string ListPlace::prefix() const {
  if (line == 0) return "";
  return "job " + std::to_string(job) + " of " + std::to_string(jobs) + " (line " + std::to_string(line) +
         "): ";
}

void add_place(json& document, const ListPlace& place) {
  if (place.line == 0) return;
  document["job"] = place.job, document["jobs"] = place.jobs, document["line"] = place.line;
}

void print_event(json event, const ListPlace& place) {
  add_place(event, place);
  std::cerr << models::json_escaped(event.dump(-1, ' ', false, json::error_handler_t::replace)) << std::endl;
}

void note(const CommonOptions& options, const std::string& message, const ListPlace& place) {
  if (!options.quiet) say(options, message, {{"stage", "note"}, {"message", message}}, place);
}

void warn(const CommonOptions& options, const std::string& message, const ListPlace& place) {
  say(options, message, {{"stage", "warning"}, {"message", message}}, place);
}

void note_seed(const CommonOptions& options, uint64_t seed, const ListPlace& place) {
  if (!options.quiet)
    say(options, "seed " + std::to_string(seed), {{"stage", "seed"}, {"seed", seed}}, place);
}

void note_nodes(const CommonOptions& options, const pipeline::Report& report) {
  if (!options.verbose) return;
  for (const pipeline::NodeReport& node : report.nodes) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.2f s", node.seconds);
    note(options, node.id + " (" + node.spec + "): " + (node.cached ? "cached" : seconds));
  }
}

void note_job(const CommonOptions& options, const ListPlace& place, double left_s) {
  if (options.quiet) return;
  json event = {{"stage", "job"}};
  if (left_s >= 0) event["left_s"] = left_s;
  say(options, left_s >= 0 ? "about " + duration_text(left_s) + " left for all" : "begins", event, place);
}

void note_skipped(const CommonOptions& options, const std::string& file, const ListPlace& place) {
  if (!options.quiet) say(options, file + " is there already", {{"stage", "skipped"}, {"file", file}}, place);
}

}  // namespace reel::app
