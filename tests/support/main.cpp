// The test programs begin as the program does: idle threads leave the processor to the tests beside them.
#include <gmock/gmock.h>

#include "attention/ops/idle_threads.h"

int main(int argc, char** argv) {
  reel::attention::let_idle_threads_sleep();
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
