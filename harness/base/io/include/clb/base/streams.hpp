// The standard streams of a program; for its main() alone.
#pragma once

namespace clb::base {

// The first statement of a main(). Descriptors 0 to 2 that are closed are opened on /dev/null, so that no file takes their numbers.
// SIGPIPE and SIGXFSZ are ignored: a write that fails says why (EPIPE, EFBIG) and becomes a sentence. Whoever prints on stderr or stdout,
// by {fmt}, printf or puts, never fails: what stderr does not take is dropped, and the first failure of stdout is kept for finish_output().
void guard_streams();

// Flushes stdout. Error (kInternal) when a part of what was printed there could not be written; a reader that went away (`| head -1`) is no
// failure.
void finish_output();

// The reader of stdout went away or it cannot be written: nobody will see what is printed from here on.
bool output_is_lost();

}  // namespace clb::base
