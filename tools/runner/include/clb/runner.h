/* clb/runner.h: the one function of libclb_runner.so, which is all of clb-runner. Two programs call it: clb-runner, and the Python program
 * of tools/python for a method in Python.
 */
#ifndef CLB_RUNNER_H
#define CLB_RUNNER_H

#ifdef __cplusplus
extern "C" {
#endif

struct clb_python; /* harness/session/include/clb/session/python.hpp */

/* Does what the arguments say, as `clb-runner --help` lists it, and returns the exit code; argv[0] is not looked at. `python` is NULL in a
 * process that is none of Python's. To be called once, on the first thread; the process leaves with _exit afterwards, because unloading
 * code that uses LibTorch crashes. */
__attribute__((visibility("default"))) int clb_runner_main(int argc, const char* const* argv, const struct clb_python* python);

#ifdef __cplusplus
}
#endif
#endif
