#include "attention/ops/idle_threads.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace reel::attention::idle_threads_test {

TEST(IdleThreadsTest, TakeNoProcessorTimeWhileTheyWait) {
  if (omp_get_num_procs() < 2) GTEST_SKIP() << "one processor has no idle threads";
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT"))
    GTEST_SKIP() << "the user chose otherwise";
  let_idle_threads_sleep();
  let_idle_threads_sleep();  // a second time changes nothing
  int threads = 0;
#pragma omp parallel num_threads(2) reduction(+ : threads)
  threads += 1;
  ASSERT_EQ(threads, 2);
  // Processor time of this process alone, whatever runs beside it. Spinning threads take 3 ms and more.
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_LE(double(std::clock() - before) / CLOCKS_PER_SEC, 0.002);
}

}  // namespace reel::attention::idle_threads_test
