// What the program says on stderr besides errors and progress: a sentence for people or, with --progress json, an event.
#pragma once

#include <cstddef>
#include <string>

#include "app/session/common_options.h"
#include "pipeline/run/report.h"

namespace reel::app {

/// How a verb speaks.
struct Voice {
  bool json = false;    // errors are JSON on stdout, too
  bool events = false;  // stderr carries JSON lines and nothing else
  bool silent = false;  // nothing on stderr
};

Voice voice_of(const CommonOptions& options);

/// Where a job stands in a list of jobs; line 0: it is no list.
struct ListPlace {
  size_t job = 0, jobs = 0;  // the first is 1
  int line = 0;              // of the file
  /// `job 2 of 5 (line 3): `, or nothing.
  std::string prefix() const;
};

/// Something that is good to know, left out by --quiet. As an event its stage is "note".
void note(const CommonOptions& options, const std::string& message, const ListPlace& place = {});

/// Something that may be wrong, said in spite of --quiet. As an event its stage is "warning".
void warn(const CommonOptions& options, const std::string& message, const ListPlace& place = {});

/// The seed that was drawn for a job. As an event its stage is "seed".
void note_seed(const CommonOptions& options, uint64_t seed, const ListPlace& place = {});

/// With --verbose, the nodes of a run: how long each took, or that it was cached.
void note_nodes(const CommonOptions& options, const pipeline::Report& report);

/// That a job of a list begins; `left_s` below 0: not known. As an event its stage is "job".
void note_job(const CommonOptions& options, const ListPlace& place, double left_s);

/// That the files of a job are there already. As an event its stage is "skipped".
void note_skipped(const CommonOptions& options, const std::string& file, const ListPlace& place);

}  // namespace reel::app
