#include "attention/ops/idle_threads.h"

#include <omp.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>

namespace reel::attention {
namespace {

void start_sleeping_team() {
  const int processors = omp_get_num_procs();
  if (processors < 2 || std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  // Signals are for the program's own threads: the team inherits what is blocked here.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // One thread more than processors, so that the team itself does not spin before others have begun.
  std::promise<void> started;  // set inside the region: the compiler leaves out a region without work
  std::thread([processors, &started] {
#pragma omp parallel num_threads(processors + 1)
    if (omp_get_thread_num() == 0) started.set_value();
    for (;;) pause();
  }).detach();
  started.get_future().wait();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void let_idle_threads_sleep() {
  static std::once_flag once;
  std::call_once(once, start_sleeping_team);
}

}  // namespace reel::attention
