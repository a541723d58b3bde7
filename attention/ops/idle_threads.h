// How idle OpenMP threads wait.
#pragma once

namespace reel::attention {

/// Lets OpenMP threads that wait for work sleep after some microseconds. By default GCC's OpenMP lets them spin
/// for milliseconds, which takes the processor from every other program: two runs side by side on two
/// processors took 3 to 13 times as long as one alone. Call it once, before the first parallel work. Changes
/// nothing if the user set OMP_WAIT_POLICY or GOMP_SPINCOUNT, or on one processor.
///
/// These variables are read before main(), and there is no function for them. But libgomp spins shortly (100
/// instead of 300,000 rounds) while it manages more threads than there are processors. So this starts a second
/// team of threads, one more than processors, that sleep until the program ends; each takes some kilobytes.
/// Source: GCC's libgomp, config/linux/wait.h (do_spin) and env.c.
void let_idle_threads_sleep();

}  // namespace reel::attention
