// clb-runner: executes one run, or describes one plugin file. Started by clbench; for a debugger, `clb-runner run FILE.json` takes what
// `clbench run --dry-run --json` prints. All of it is in runner.cpp.
#include <clb/runner.h>
#include <unistd.h>

// Leaves with _exit: unloading LibTorch code at exit is a known source of crashes.
int main(int argc, char** argv) { _exit(clb_runner_main(argc, argv, nullptr)); }
