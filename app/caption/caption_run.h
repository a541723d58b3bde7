// The batch of `reel caption`: inputs in, a line of JSON for each out, a journal beside.
#pragma once

#include "app/caption/caption_options.h"

namespace reel::app {

/// Returns an exit code: kSomeFailed if an input has no caption.
/// Throws: what keeps the whole batch from running, before an output is touched.
int run_captions(const CaptionOptions& options);

}  // namespace reel::app
