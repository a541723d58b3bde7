#include "app/session/standard_streams.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "app/session/exit_code.h"

namespace reel::app {
namespace {

bool g_folder_is_gone = false;  // set before main, by the function below

/// Runs before the initialisers of all libraries. MKL's ends the program, with a message about itself, when
/// there is no working folder; and a library or an output file that gets the number of a closed stdout would
/// be written into by every message. So a removed folder is left for one that exists, and closed streams are
/// held by ones that refuse. Only system calls: nothing else is ready yet, a sanitizer least of all.
__attribute__((no_sanitize("address", "undefined", "thread"))) void before_everything() {
  static char folder[PATH_MAX];
  if (syscall(SYS_getcwd, folder, sizeof folder) < 0 && errno != ERANGE) {
    g_folder_is_gone = syscall(SYS_chdir, "/") == 0;
  }
  for (int stream = 0; stream <= 2; ++stream) {
    if (syscall(SYS_fcntl, stream, F_GETFD) >= 0) continue;
    // The lowest free number is this one. Writing to it will fail, as it did; reading, too.
    syscall(SYS_openat, AT_FDCWD, "/dev/null", stream == 0 ? O_WRONLY : O_RDONLY);
  }
}

__attribute__((section(".preinit_array"), used)) void (*const g_before_everything)() = &before_everything;

}  // namespace

void require_working_folder() {
  if (g_folder_is_gone) {
    throw std::runtime_error(
        "[working folder] must exist, got one that was removed; change to another (cd) and run this again");
  }
}

int finish_output(int code) {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  int error = errno;
  if (flushed && std::ferror(stdout) == 0 && std::cout) return code;
  // What failed earlier was dropped, and the reason with it: writing nothing often fails for the same one.
  if (error == 0 && write(STDOUT_FILENO, "", 0) < 0) error = errno;
  const std::string reason = error != 0 ? std::generic_category().message(error) : "a part was not written";
  std::cerr << "reel: [stdout] must take what is printed, got: " << reason
            << "; send it elsewhere or free some space. Files that were finished are kept" << std::endl;
  return code == kDone || code == kSomeFailed ? kEnvironment : code;
}

}  // namespace reel::app
