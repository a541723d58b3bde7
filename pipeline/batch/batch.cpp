#include "pipeline/batch/batch.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "models/files/refuse.h"
#include "models/files/strict_json.h"
#include "pipeline/run/file_stamp.h"

namespace reel::pipeline {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

/// For messages: names come from files and folders of others.
std::string some_of(std::vector<std::string> names) {
  for (std::string& name : names) name = models::shown(name);
  return models::few_of(names);
}

std::string shown_setting(const std::string& value) {
  return value.empty() ? "nothing" : "'" + models::shown(value) + "'";
}

std::string journal_of(const BatchOptions& options) {
  return options.journal.empty() && options.output != "-" ? options.output + ".journal" : options.journal;
}

}  // namespace

void Batch::check(const BatchOptions& options) {
  if (options.resume && options.overwrite)
    throw std::invalid_argument(
        "[--resume] goes on with what is there, and -y replaces it; give one of the two");
  if (options.resume && journal_of(options).empty())
    throw std::invalid_argument(
        "[--resume] needs a journal to go on from; write to a file (-o FILE), or add --journal FILE");
  if (options.retry_failed && !options.resume)
    throw std::invalid_argument("[--retry-failed] tries failed inputs of an earlier run again; add --resume");
  if (options.resume) return;
  for (const std::string& file : {options.output == "-" ? "" : options.output, journal_of(options)}) {
    if (file.empty() || !exists(file)) continue;
    if (!options.overwrite)
      throw std::runtime_error(
          "[" + file + "] exists already; go on with it (--resume), replace it (-y), or name another");
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(file, error)))
      throw std::runtime_error("[" + file + "] must be a regular file, got something else; name another");
  }
}

Batch::Batch(std::vector<BatchInput> inputs, BatchOptions options, Recognise recognise,
             BeforeWriting before_writing)
    : inputs_(std::move(inputs)),
      options_(std::move(options)),
      recognise_(std::move(recognise)),
      before_writing_(std::move(before_writing)) {
  check(options_);
  options_.journal = journal_of(options_);
  if (!options_.journal.empty()) open_journal();
  done_.resize(inputs_.size());
  if (journal_) mark_done();
  if (options_.output != "-" && !options_.resume) fs::remove(options_.output);
  output_ = std::make_unique<LineFile>(options_.output);
  align_output();
  finished_ = before_ = size_t(std::ranges::count(done_, true));
  write_ready();
}

void Batch::open_journal() {
  if (!options_.resume) {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(options_.journal + suffix);
  }
  journal_ = std::make_unique<Journal>(options_.journal);
  if (journal_->fresh()) return journal_->begin(options_.settings, inputs_);
  compare_settings();
  take_over_inputs();
  if (options_.retry_failed) journal_->forget_failed();
}

void Batch::compare_settings() const {
  const auto before = journal_->settings();
  std::string differences;
  const auto compare = [&](const std::string& name) {
    const auto was = before.find(name), is = options_.settings.find(name);
    const std::string old = was == before.end() ? "" : was->second,
                      now = is == options_.settings.end() ? "" : is->second;
    if (old != now)
      differences += (differences.empty() ? "" : ", ") + name + " was " + shown_setting(old) + " and is " +
                     shown_setting(now);
  };
  for (const auto& [name, value] : before) compare(name);
  for (const auto& [name, value] : options_.settings) {
    if (!before.contains(name)) compare(name);
  }
  if (!differences.empty())
    throw std::invalid_argument("[--resume] the journal '" + options_.journal +
                                "' is of a run with other options: " + differences +
                                "; give the same ones, or write to another file (-o)");
}

/// The order of the run that began stays, so that lines keep their places; new inputs follow.
void Batch::take_over_inputs() {
  std::vector<BatchInput> order = journal_->inputs();
  const auto key = [](const BatchInput& input) { return std::pair(input.path, input.prompt); };
  std::map<std::pair<std::string, std::optional<std::string>>, bool> known;
  for (const BatchInput& input : order) known[key(input)] = false;
  std::vector<BatchInput> fresh;
  for (const BatchInput& input : inputs_) {
    const auto place = known.find(key(input));
    if (place == known.end())
      fresh.push_back(input);
    else
      place->second = true;
  }
  std::vector<std::string> missing;
  for (const BatchInput& input : order) {
    if (!known[key(input)]) missing.push_back(input.path);
  }
  if (!missing.empty())
    throw std::invalid_argument("[--resume] the journal '" + options_.journal +
                                "' has inputs that are not given now: " + some_of(missing) +
                                "; give the same inputs (more may follow), or write to another file (-o)");
  added_ = fresh.size();
  if (added_ > 0) journal_->append(fresh);
  order.insert(order.end(), fresh.begin(), fresh.end());
  inputs_ = std::move(order);
}

/// A failed input may have changed: --retry-failed is there to look again.
void Batch::mark_done() {
  std::vector<std::string> changed;
  journal_->for_each([&](size_t index, const JournalEntry& entry) {
    done_.at(index) = true;
    failed_ += entry.failed;
    if (!entry.failed && entry.stamp != file_stamp(inputs_[index].path))
      changed.push_back(inputs_[index].path);
  });
  if (!changed.empty())
    throw std::runtime_error("[--resume] files have changed since they were done: " + some_of(changed) +
                             "; begin anew (-y), or write to another file (-o)");
}

void Batch::align_output() {
  const size_t kept = output_->keep_while([&](size_t index, const std::string& line) {
    const std::string place = options_.output + ", line " + std::to_string(index + 1);
    const auto refuse = [&] {
      throw std::runtime_error("[" + place + "] is not what the journal '" + options_.journal +
                               "' says of this input; put the file back as it was, or begin anew (-y)");
    };
    if (index >= inputs_.size()) refuse();
    if (is_done(index)) {
      if (journal_->find(index)->line != line) refuse();
      return true;
    }
    // A line that the journal lost in a power cut, or one that is to be tried again.
    const Found found = recognise_(line, index, inputs_[index]);
    if (!found.matches) refuse();
    if (found.failed && options_.retry_failed) return false;
    journal_->add(index, {file_stamp(inputs_[index].path), found.failed, line});
    done_[index] = true, failed_ += found.failed;
    return true;
  });
  written_ = kept;
  if (before_writing_) {
    for (size_t i = 0; i < kept; ++i) before_writing_(i, inputs_[i], entry_of(i));
  }
}

JournalEntry Batch::entry_of(size_t index) const {
  return journal_ ? *journal_->find(index) : waiting_.at(index);
}

void Batch::write_ready() {
  for (; written_ < inputs_.size() && is_done(written_); ++written_) {
    const JournalEntry entry = entry_of(written_);
    if (before_writing_) before_writing_(written_, inputs_[written_], entry);
    output_->add(entry.line);
    waiting_.erase(written_);
  }
}

std::optional<size_t> Batch::take() {
  while (next_ < inputs_.size() && is_done(next_)) ++next_;
  if (next_ == inputs_.size()) return std::nullopt;
  return next_++;
}

void Batch::finish(size_t index, const JournalEntry& entry) {
  if (journal_)
    journal_->add(index, entry);
  else
    waiting_[index] = entry;
  done_.at(index) = true;
  ++finished_;
  failed_ += entry.failed;
  write_ready();
}

void Batch::close() { output_->sync(); }

}  // namespace reel::pipeline
