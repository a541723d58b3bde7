// What evaluations print: tables, JSON, CSV lines; and the estimates that they print.
#pragma once

#include <string>

#include "app/eval/eval.h"
#include "pipeline/evaluation/statistics.h"

namespace reel::app {

/// Of one variant: a share with Wilson's interval, a mean with a bootstrap one, a prompt at a time.
world::Estimate estimate(const Evaluation& evaluation, size_t metric, size_t variant);

/// A variant less the first one, of the prompts and seeds that both have.
world::Estimate difference(const Evaluation& evaluation, size_t metric, size_t variant);

/// `95.0  90.1 to 97.9` in the metric's scale, the value right-aligned to eight letters; empty for no values.
std::string estimate_text(const world::Estimate& estimate, const EvalMetric& metric, bool signed_value);
std::string padded(std::string text, size_t width);

/// `model: 8 videos, 95 % intervals`.
std::string evaluation_title(const Evaluation& evaluation);
/// `120 ms to make a video, ...`, in a line of its own; empty if there is none.
std::string evaluation_times(const Evaluation& evaluation);

std::string evaluation_table(const Evaluation& evaluation);
std::string evaluation_json(const Evaluation& evaluation);

/// One line of the CSV file, and its first line.
std::string csv_header(const EvalSubject& subject);
std::string csv_line(const EvalSubject& subject, const EvalRow& row);
/// A number behind a comma.
std::string csv_cell(double value);

}  // namespace reel::app
