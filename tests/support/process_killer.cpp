// Loaded into the program before its libraries (LD_PRELOAD): ends it right after one of the calls that give,
// take or remove names, as a power cut or `kill -9` at that moment would.
//   REEL_KILL_NAME  only calls with this text in one of their paths count
//   REEL_KILL_AFTER the number of the call, from 1
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {

int after(int result, const char* first, const char* second = "") {
  static std::atomic<int> calls{0};
  const char *name = getenv("REEL_KILL_NAME"), *number = getenv("REEL_KILL_AFTER");
  if (!name || !number || (!std::strstr(first, name) && !std::strstr(second, name))) return result;
  if (++calls == std::atoi(number)) kill(getpid(), SIGKILL), pause();
  return result;
}

}  // namespace

extern "C" {
int link(const char* from, const char* to) noexcept {
  return after(linkat(AT_FDCWD, from, AT_FDCWD, to, 0), from, to);
}
int rename(const char* from, const char* to) noexcept {
  return after(renameat(AT_FDCWD, from, AT_FDCWD, to), from, to);
}
int unlink(const char* path) noexcept { return after(unlinkat(AT_FDCWD, path, 0), path); }
int mkdir(const char* path, mode_t mode) noexcept { return after(mkdirat(AT_FDCWD, path, mode), path); }
}
