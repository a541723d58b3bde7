// The program.
#include <malloc.h>

#include "app/command_line.h"
#include "app/session/printable_output.h"
#include "app/session/standard_streams.h"
#include "attention/ops/idle_threads.h"

int main(int argc, char** argv) {
#ifdef M_MMAP_THRESHOLD
  // Each layer takes and frees tensors of the same tens of megabytes: kept by the process, they need not be
  // fetched from the kernel, page by page, again and again.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
  reel::attention::let_idle_threads_sleep();
  const reel::app::PrintableOutput printable;  // outlives the look at what stdout took
  return reel::app::finish_output(reel::app::run_command_line(argc, argv));
}
