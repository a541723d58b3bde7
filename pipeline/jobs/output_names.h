// Names of output files: those that a job makes up, and variants of a given one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "models/files/output/reservation.h"

namespace reel::pipeline {

/// The words of a prompt as part of a file name: `a-red-fox`.
std::string prompt_slug(const std::string& prompt);

/// The first free name made from a prompt, in `folder` (empty: the working folder): `a-red-fox.mp4`,
/// `a-red-fox-2.mp4`. It is kept for its owner: another process that makes up a name meanwhile gets the next.
std::shared_ptr<const models::Reservation> default_output(const std::string& prompt,
                                                          const std::string& folder = "");

/// `out.mp4` -> `out-unedited.mp4` for the suffix `-unedited`; patterns keep their number:
/// `f_%05d.png` -> `f-unedited_%05d.png`. Without an extension the suffix comes last.
std::string with_suffix(const std::string& path, const std::string& suffix);

/// `out.mp4` -> `out-0003.mp4` for index 2 of several jobs. The name stays as it is if there is one job only, or if
/// it is empty.
std::string numbered_output(const std::string& output, size_t index, size_t count);

}  // namespace reel::pipeline
