// The text that evaluations print: tables, CSV lines, and the estimates in them.
#pragma once

#include <string>

#include "app/eval/eval_plan.h"
#include "pipeline/evaluation/statistics.h"

namespace reel::app {

/// A metric of one variant: a share with Wilson's interval, or a mean with a bootstrap interval. Each prompt
/// counts as one sample; of one sample there is no interval (low and high are NaN).
world::Estimate estimate(const Evaluation& evaluation, size_t metric, size_t variant);

/// The metric of a variant minus that of the first one, over the prompts and seeds that both have.
world::Estimate difference(const Evaluation& evaluation, size_t metric, size_t variant);

/// The median of a duration (&EvalRow::make_s or &EvalRow::score_s); NaN if there is no row.
double median_of(const Evaluation& evaluation, double EvalRow::*member);

/// `95.0  90.1 to 97.9` in the metric's scale, the value right-aligned to eight letters; empty if there are
/// no values, without an interval if there is none. `signed_value`: numbers show a plus sign.
std::string estimate_text(const world::Estimate& estimate, const EvalMetric& metric, bool signed_value);

/// The text with spaces behind it, at least `width` letters long.
std::string padded(std::string text, size_t width);

/// `model: 8 videos, 95 % intervals`.
std::string evaluation_title(const Evaluation& evaluation);

/// `120 ms to make a video, ...` on a line of its own; empty if there is no video.
std::string evaluation_times(const Evaluation& evaluation);

/// All metrics with their intervals; with two variants, also their difference.
std::string evaluation_table(const Evaluation& evaluation);

/// The first line of the CSV file, and the line of one video.
std::string csv_header(const EvalSubject& subject);
std::string csv_line(const EvalSubject& subject, const EvalRow& row);

/// A text as a cell without its comma: in quotes if it holds signs that end cells or lines (RFC 4180).
std::string csv_text(const std::string& text);

/// A comma and a number; the comma alone if the value is not finite.
std::string csv_cell(double value);

}  // namespace reel::app
