// A batch that survives: which inputs are to be done, and an output in their order whatever happens.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/batch/input_list.h"
#include "pipeline/batch/journal.h"
#include "pipeline/batch/line_file.h"

namespace reel::pipeline {

struct BatchOptions {
  std::string output = "-";  // a file that grows by lines, or "-"
  std::string journal;       // empty: `output` with ".journal" behind; none if the output is "-"
  bool resume = false;       // go on where the journal ends
  bool retry_failed = false;
  bool overwrite = false;  // an output and a journal that are there may be replaced
  /// What decides about the results: a run cannot be resumed with other values. Name -> value, as the user knows them.
  std::map<std::string, std::string> settings;
};

/// The state of a batch. The journal decides what is done; the output is brought in line with it. An input is done as
/// soon as its line is in the journal; lines go to the output in the order of the inputs.
class Batch {
 public:
  /// Whether `line`, found in the output and unknown to the journal, is the whole line of that input; and whether it
  /// tells of a failure.
  struct Found {
    bool matches = false, failed = false;
  };
  using Recognise = std::function<Found(const std::string& line, size_t index, const BatchInput& input)>;
  /// Called once for each input whose line is written or was there already, before it is written.
  using BeforeWriting = std::function<void(size_t index, const BatchInput& input, const JournalEntry& entry)>;

  /// Opens or resumes. Throws: std::invalid_argument if the journal is of other settings or inputs, or `resume` and
  /// `overwrite` are both set; std::runtime_error if files are there and neither is set, files of inputs have changed
  /// since they were done, or the output holds other lines than the journal; as Journal and LineFile do.
  Batch(std::vector<BatchInput> inputs, BatchOptions options, Recognise recognise,
        BeforeWriting before_writing = {});

  /// What can be refused before anything is opened: options that contradict each other, files that are there.
  /// Throws: as the constructor, which calls it.
  static void check(const BatchOptions& options);

  const std::vector<BatchInput>& inputs() const { return inputs_; }  // in order of the output
  /// Inputs that were not there when the run began: they follow all others.
  size_t added() const { return added_; }
  size_t finished() const { return finished_; }  // done, failed ones too
  size_t failed() const { return failed_; }
  size_t finished_before() const { return before_; }

  /// The next input that nobody has taken; nullopt if there is none.
  std::optional<size_t> take();
  /// Keeps the line of an input that was taken. Throws: as Journal::add and LineFile::add; what the journal has is done.
  void finish(size_t index, const JournalEntry& entry);
  /// Makes the output durable. Throws: std::runtime_error.
  void close();

 private:
  void open_journal();
  void compare_settings() const;
  void take_over_inputs();
  void mark_done();
  void align_output();
  void write_ready();
  bool is_done(size_t index) const { return index < done_.size() && done_[index]; }
  JournalEntry entry_of(size_t index) const;

  std::vector<BatchInput> inputs_;
  BatchOptions options_;
  Recognise recognise_;
  BeforeWriting before_writing_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<LineFile> output_;
  std::vector<bool> done_;
  std::map<size_t, JournalEntry> waiting_;  // done, and not yet written; used if there is no journal
  size_t next_ = 0, written_ = 0, added_ = 0, finished_ = 0, failed_ = 0, before_ = 0;
};

}  // namespace reel::pipeline
