// Distributions build libjpeg.a and libpng.a for programs: their code reads the variable stderr at a fixed distance, which a shared library
// cannot have to a variable of libc. With -Wl,--wrap=stderr every `stderr` of this library is the one below, which lies in it.
#include <cstdio>

extern "C" {

extern FILE* __real_stderr;  // libc's
__attribute__((visibility("hidden"))) FILE* __wrap_stderr;

__attribute__((constructor(101))) static void take_stderr() { __wrap_stderr = __real_stderr; }  // before any other constructor
}
