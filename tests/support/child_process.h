// Runs the real program while the test goes on: its events can be awaited, it can be signalled and limited.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace reel {

struct ChildResult {
  int code = 0;                         // exit status; 128 + n if signal n ended it
  std::string out, err;                 // what it printed
  double seconds = 0, cpu_seconds = 0;  // from start to end; of the processors
  int64_t peak_bytes = 0;
};

/// `reel` with arguments in `folder`, without a terminal. Killed if it still runs at the end of the scope, or
/// after two minutes.
class ChildProcess {
 public:
  /// `file_bytes`: where writing to a file fails, as on a full disk.
  ChildProcess(const TemporaryFolder& folder, std::vector<std::string> words,
               rlim_t file_bytes = RLIM_INFINITY) {
    words.insert(words.begin(), REEL_BINARY);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    id_ = fork();
    if (id_ == 0) {
      const int nothing = open("/dev/null", O_RDONLY);
      dup2(nothing, 0), dup2(out[1], 1), dup2(err[1], 2);
      const rlimit limit{file_bytes, file_bytes};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || chdir(folder.path().c_str()) != 0) _exit(126);
      execv(REEL_BINARY, arguments.data());
      _exit(127);
    }
    ::close(out[1]), ::close(err[1]);
    out_ = out[0], err_ = err[0];
  }
  ~ChildProcess() {
    if (id_ > 0) kill(id_, SIGKILL), waitpid(id_, nullptr, 0);
    ::close(out_), ::close(err_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Reads what it prints until stderr holds `text`; false if it ends without.
  bool wait_for(const std::string& text) {
    while (result_.err.find(text) == std::string::npos) {
      if (!read_some(kLimit_ms)) return false;
    }
    return true;
  }
  void signal(int number) const { kill(id_, number); }
  /// Whether it is still running after so long.
  bool runs_for(double seconds) {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(int(seconds * 1000));
    while (Clock::now() < end) {
      if (!read_some(20)) return false;
    }
    return true;
  }
  /// Waits for its end.
  ChildResult wait() {
    while (read_some(kLimit_ms)) {
    }
    int status = 0;
    rusage usage{};
    if (wait4(id_, &status, 0, &usage) != id_) throw std::runtime_error("no child to wait for");
    id_ = 0;
    result_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
    result_.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    result_.peak_bytes = usage.ru_maxrss * int64_t{1024};
    return result_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kLimit_ms = 120'000;

  /// Reads what there is, waiting for it if need be; false when both streams have ended.
  bool read_some(int wait_ms) {
    if (Clock::now() - start_ > std::chrono::milliseconds(kLimit_ms)) kill(id_, SIGKILL);
    pollfd streams[] = {{open_[0] ? out_ : -1, POLLIN, 0}, {open_[1] ? err_ : -1, POLLIN, 0}};
    if (!open_[0] && !open_[1]) return false;
    poll(streams, 2, wait_ms);
    for (int i = 0; i < 2; ++i) {
      if (!streams[i].revents) continue;
      char buffer[4096];
      const ssize_t count = read(streams[i].fd, buffer, sizeof buffer);
      if (count > 0) (i == 0 ? result_.out : result_.err).append(buffer, size_t(count));
      open_[i] = count > 0;
    }
    return open_[0] || open_[1];
  }

  pid_t id_ = 0;
  int out_ = -1, err_ = -1;
  bool open_[2] = {true, true};
  Clock::time_point start_ = Clock::now();
  ChildResult result_;
};

}  // namespace reel
