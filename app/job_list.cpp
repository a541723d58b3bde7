#include "app/job_list.h"

#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/session/exit_code.h"
#include "app/session/notes_json.h"
#include "app/session/print_json.h"
#include "app/session/run_guarded.h"
#include "app/session/session.h"
#include "app/session_job.h"
#include "models/files/input/input_stream.h"
#include "pipeline/media/output_target.h"
#include "pipeline/run/run_context.h"

namespace reel::app {
namespace {

using pipeline::PromptLine;

/// As many bytes as a list of 60,000 jobs of a thousand letters has.
constexpr uint64_t kMostListBytes = uint64_t{64} << 20, kMostJobs = 100'000;

std::vector<PromptLine> read_lines(const std::string& name, const pipeline::GenerateOptions& base) {
  models::InputStream list({.path = name, .option = "--prompts", .most_bytes = kMostListBytes},
                           {.lines = kMostJobs, .streams = true});
  return pipeline::read_prompt_lines(list, name, base);
}

/// A line, and how far it is.
struct ListedJob {
  PromptLine line;
  bool finished = false;     // by an earlier run
  std::exception_ptr error;  // bad: what will be said of it
};

class ListRun {
 public:
  ListRun(const JobListOptions& list, const pipeline::GenerateOptions& base, const CommonOptions& common)
      : list_(list), common_(common) {
    std::vector<PromptLine> lines = read_lines(list.file, base);
    if (list.skip_existing) pipeline::name_outputs(lines);
    pipeline::refuse_equal_outputs(lines);
    for (PromptLine& line : lines) jobs_.push_back({std::move(line)});
    for (ListedJob& job : jobs_) look_at(job);
  }

  int run(const RunJob& run_job) {
    name_bad_lines();
    size_t failed = 0;
    int code = kDone;
    for (size_t i = 0; i < jobs_.size(); ++i) {
      if (stop_request()) throw pipeline::Cancelled();
      const ListPlace place{i + 1, jobs_.size(), jobs_[i].line.number};
      code = run_one(jobs_[i], place, run_job);
      if (code == kInterrupted) return code;
      failed += code != kDone;
    }
    if (failed == 0) return kDone;
    return jobs_.size() == 1 ? code : kSomeFailed;
  }

 private:
  /// Everything that can be known of a job before the first one runs.
  void look_at(ListedJob& job) {
    try {
      if (!job.line.fault.empty()) throw std::invalid_argument(job.line.fault);
      job.finished = list_.skip_existing && has_all_files(job.line.options);
      if (!job.finished) refuse_equal_targets(session_job(job.line.options, common_), job.line.number);
    } catch (const std::exception&) {
      job.error = std::current_exception();
    }
  }

  /// Files that an earlier line writes, too: those beside the outputs, which pipeline::refuse_equal_outputs knows.
  void refuse_equal_targets(const pipeline::GenerateJob& job, int line) {
    for (const pipeline::JobTarget& target : job.targets) {
      const auto [first, added] = writers_.emplace(target.names.key(), line);
      if (added || first->second == line || target.made_up) continue;
      throw std::invalid_argument("[--prompts, line " + std::to_string(line) + "] writes '" +
                                  target.names.path() + "' (" + target.option + "), as line " +
                                  std::to_string(first->second) + " does; give each a file of its own");
    }
  }

  bool has_all_files(pipeline::GenerateOptions options) const {
    options.overwrite = true;  // that they are there is no fault now
    const pipeline::GenerateJob job = session_job(options, common_);
    for (const std::string& file : {job.options.output, job.output_unedited, job.output_side_by_side}) {
      if (!file.empty() && !media::is_there(file, *job.options.frames)) return false;
    }
    return true;
  }

  void name_bad_lines() const {
    Voice voice = voice_of(common_);
    voice.json = false;  // on stdout, results stand in the order of the lines
    for (size_t i = 0; i < jobs_.size(); ++i) {
      if (!jobs_[i].error) continue;
      run_guarded(voice, [&]() -> int { std::rethrow_exception(jobs_[i].error); },
                  {i + 1, jobs_.size(), jobs_[i].line.number});
    }
  }

  int run_one(const ListedJob& job, const ListPlace& place, const RunJob& run_job) {
    Voice voice = voice_of(common_);
    if (job.error) {
      voice.silent = true;  // stderr has it already
      return run_guarded(
          voice, [&]() -> int { std::rethrow_exception(job.error); }, place);
    }
    if (job.finished) {
      note_skipped(common_, job.line.options.output, place);
      if (common_.json) {
        nlohmann::json document = {{"path", job.line.options.output}, {"skipped", true}};
        add_place(document, place);
        print_json(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      }
      return kDone;
    }
    note_job(common_, place, seconds_left(place));
    const auto start = std::chrono::steady_clock::now();
    const int code = run_guarded(
        voice, [&] { return run_job(job.line.options, place), int{kDone}; }, place);
    spent_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++ran_;
    return code;
  }

  /// By the jobs so far; below 0: none has run yet.
  double seconds_left(const ListPlace& place) const {
    if (ran_ == 0) return -1;
    size_t left = 0;
    for (size_t i = place.job - 1; i < jobs_.size(); ++i) left += !jobs_[i].error && !jobs_[i].finished;
    return spent_s_ / static_cast<double>(ran_) * static_cast<double>(left);
  }

  const JobListOptions& list_;
  const CommonOptions& common_;
  std::vector<ListedJob> jobs_;
  std::map<std::string, int> writers_;  // of a file, by TargetNames::key: the line
  double spent_s_ = 0;
  size_t ran_ = 0;
};

}  // namespace

int run_job_list(const JobListOptions& list, const pipeline::GenerateOptions& base,
                 const CommonOptions& common, const RunJob& run) {
  return ListRun(list, base, common).run(run);
}

}  // namespace reel::app
