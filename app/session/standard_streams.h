// What the program finds when it starts, and whether its results reached stdout when it ends.
#pragma once

namespace reel::app {

/// Throws: std::runtime_error "[working folder] ..." if the folder that the program was started in had been
/// removed: every relative path would mean nothing.
void require_working_folder();

/// Flushes stdout. Returns `code` or, when something that was printed did not get through (a full disk, a
/// closed stream), says so on stderr and returns kEnvironment in the place of a success.
int finish_output(int code);

}  // namespace reel::app
